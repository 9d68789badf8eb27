"use strict";
// What was opened is told; remarks from where they are about; decisions signed by the approver's own device.
// The pages work without this too, but for approving several together, which needs that each was opened.
const form = document.getElementById("form");
const button = document.getElementById("sign");
const problem = document.getElementById("sign-problem");
const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

async function offer() {
  let answer, document;
  try {
    answer = await fetch(form.dataset.offer, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    document = await answer.json();
  } catch {
    throw new Error("连不上服务器，或登录已过期。请检查网络，刷新本页后再试。");
  }
  if (!answer.ok) throw new Error(document.detail);
  return document;
}

// The browser tells refusal, a timeout and a device that did not know its user by one English name.
async function sign(offered) {
  try {
    return await navigator.credentials.get({ publicKey: {
      rpId: offered.rp_id, challenge: bytes(offered.challenge), userVerification: "required",
      allowCredentials: offered.credentials.map((id) => ({ type: "public-key", id: bytes(id) })),
    } });
  } catch (error) {
    if (error.name === "SecurityError") throw new Error("这个网址不能用设备签名：用登记设备时的网址打开。");
    throw new Error("设备没有完成签名：已取消、超时，或没有核实本人。请再试一次，或改用动态码。");
  }
}

// Seen is what lies open before somebody, not what a browser has fetched beforehand.
async function tellSeen() {
  while (document.visibilityState !== "visible") {
    await new Promise((seen) => document.addEventListener("visibilitychange", seen, { once: true }));
  }
  const { token, digest } = form.elements;
  await fetch(form.dataset.seen, { method: "POST", body: new URLSearchParams({ token: token.value, digest: digest.value }) });
}

const told = form.dataset.seen ? tellSeen().catch(() => {}) : Promise.resolve();

async function decide() {
  if (!form.reportValidity()) return;
  await told; // a statement follows what the record tells
  const offered = await offer();
  const signed = await sign(offered);
  for (const [name, value] of Object.entries(offered.fields)) form.elements[name].value = value;
  form.elements.signed.value = JSON.stringify({
    credential: signed.id, authenticator_data: text(signed.response.authenticatorData),
    client_data: text(signed.response.clientDataJSON), signature: text(signed.response.signature),
  });
  form.submit();
}

if (button && window.isSecureContext && window.PublicKeyCredential) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    button.disabled = true;
    problem.hidden = true;
    try {
      await decide();
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
    }
    button.disabled = false;
  });
}

const all = document.getElementById("all");
if (all) {
  all.hidden = false;
  all.addEventListener("click", () => form.querySelectorAll(".pick input:enabled").forEach((pick) => { pick.checked = true; }));
}

// One more row for a remark, made of the last one; the first that is still empty is used before.
const wanted = document.getElementById("wanted");
const more = document.getElementById("more");

function row(place) {
  const rows = [...wanted.querySelectorAll("div")];
  let free = rows.find((each) => !each.querySelector("select").value && !each.querySelector("textarea").value);
  if (!free) {
    free = rows.at(-1).cloneNode(true);
    free.querySelector("textarea").value = "";
    for (const [name, field] of [["place", "select"], ["remark", "textarea"]]) {
      const id = `${name}_${rows.length + 1}`;
      free.querySelector(`label[for^=${name}]`).htmlFor = id;
      Object.assign(free.querySelector(field), { id, name: id });
    }
    more.before(free);
  }
  const select = free.querySelector("select");
  if (place && ![...select.options].some((option) => option.value === place)) select.add(new Option(place, place));
  select.value = place;
  return free.querySelector("textarea");
}

if (more) {
  more.hidden = false;
  more.addEventListener("click", () => row("").focus());
}
for (const link of document.querySelectorAll("[data-place]")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    const field = row(link.dataset.place);
    field.focus();
    field.scrollIntoView({ block: "center" });
  });
}
