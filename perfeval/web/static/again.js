"use strict";
// What is being worked on is looked at again every few seconds, for as long as the page says so; nobody's typing is lost.
const again = () => (document.activeElement?.matches("input, textarea, select") ? setTimeout(again, 2000) : location.reload());
setTimeout(again, 2000);
