"use strict";
// Enrolment. The token stays behind #, which no server and no log sees, until this page sends it itself.
const at = (id) => document.getElementById(id);
const token = location.hash.slice(1);
let invitation;

async function ask(what, told) {
  let answer, document;
  try {
    answer = await fetch("/perfeval/enrol/" + what, {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ token, ...told }),
    });
    document = await answer.json();
  } catch {
    throw new Error("连不上服务器，请检查网络后再试。");
  }
  if (!answer.ok) throw new Error(document.detail);
  return document;
}

function show(section, isTold = false) {
  for (const id of ["loading", "choice", "code", "done"]) at(id).hidden = id !== section;
  at("problem").hidden = !isTold;
}

function tell(error) {
  at("problem").textContent = error.message;
  at("problem").hidden = false;
  at("problem").scrollIntoView({ block: "nearest" });
}

// What somebody set going: not twice at once, and told when it fails.
function on(element, event, act) {
  element.addEventListener(event, async (happened) => {
    happened.preventDefault();
    const button = element.querySelector("button") ?? element;
    button.disabled = true;
    try {
      await act();
    } catch (error) {
      tell(error);
    } finally {
      button.disabled = false;
    }
  });
}

function finish(enrolled) {
  const texts = { name: enrolled.name, roles: enrolled.roles, means: enrolled.means, time: enrolled.time };
  for (const [name, text] of Object.entries(texts)) at("slip-" + name).textContent = text;
  at("slip-fingerprint").textContent = enrolled.fingerprint.match(/.{1,4}/g).join(" ");
  history.replaceState(null, "", location.pathname);
  show("done");
}

async function byCode() {
  const offer = await ask("code");
  at("qr").src = offer.qr;
  at("uri").href = offer.uri;
  at("secret").textContent = offer.secret.match(/.{1,4}/g).join(" ");
  on(at("prove"), "submit", async () => finish(await ask("code/proof", { secret: offer.secret, code: at("digits").value })));
  show("code");
  at("digits").focus({ preventScroll: true });
}

const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

// The browser tells refusal, a timeout and a device that did not know its user by one English name.
async function device(asking) {
  try {
    return await asking;
  } catch (error) {
    if (error.name === "InvalidStateError") throw new Error("这台设备已经登记过。");
    if (error.name === "SecurityError") throw new Error("这个网址不能登记设备签名：用 https://主机名 打开，不能用 IP 地址。");
    throw new Error("设备没有完成签名：已取消、超时，或没有核实本人。请再试一次。");
  }
}

async function byPasskey() {
  const made = await device(navigator.credentials.create({ publicKey: {
    rp: { id: invitation.rp_id, name: "perfeval" },
    user: { id: bytes(invitation.user), name: invitation.name, displayName: invitation.name },
    challenge: bytes(invitation.challenge),
    pubKeyCredParams: [-7, -8, -257].map((alg) => ({ type: "public-key", alg })),
    authenticatorSelection: { userVerification: "required" },
    attestation: "none",
  } }));
  const key = made.response.getPublicKey();
  if (!key) throw new Error("这台设备的密钥种类不能用，请换一台设备，或用动态码登记。");
  const offer = await ask("passkey", { made: { credential: made.id, client_data: text(made.response.clientDataJSON), public_key: text(key) } });
  const signed = await device(navigator.credentials.get({ publicKey: {
    rpId: invitation.rp_id, challenge: bytes(offer.challenge), userVerification: "required",
    allowCredentials: [{ type: "public-key", id: made.rawId }],
  } }));
  finish(await ask("passkey/proof", { enrolment: offer.enrolment, signed: {
    credential: signed.id, authenticator_data: text(signed.response.authenticatorData),
    client_data: text(signed.response.clientDataJSON), signature: text(signed.response.signature),
  } }));
}

function passkeyFault() {
  if (!invitation.rp_id) return "本服务没有可用于设备签名的网址（须以 https://主机名 或 http://localhost 打开）。";
  if (location.origin !== invitation.origin) return `设备签名要在 ${invitation.origin} 上登记，请改用这个网址打开。`;
  if (!window.isSecureContext || !window.PublicKeyCredential) return "这个浏览器不能使用设备签名（微信等应用内的浏览器多半不能），请换浏览器，或用动态码登记。";
  return "";
}

(async () => {
  try {
    if (!token) throw new Error("链接不完整：请打开经办人发来的完整链接。");
    invitation = await ask("invitation");
  } catch (error) {
    show("");
    tell(error);
    return;
  }
  for (const [id, value] of [["name", invitation.name], ["roles", invitation.roles], ["until", invitation.until]]) at(id).textContent = value;
  on(at("by-code"), "click", byCode);
  on(at("by-passkey"), "click", byPasskey);
  on(at("print"), "click", () => window.print());
  if (invitation.used) {
    const [made, other] = invitation.used === "code" ? ["动态码", "本机设备签名"] : ["本机设备签名", "动态码"];
    tell(new Error(`这个链接已经登记过${made}；不是您本人登记的，请立即告诉经办人。还可以用它登记${other}。`));
    for (const id of invitation.used === "code" ? ["by-code", "code-hint"] : ["by-passkey", "passkey-hint"]) at(id).hidden = true;
  }
  const fault = passkeyFault();
  at("by-passkey").disabled = Boolean(fault);
  if (fault) at("passkey-hint").textContent = fault;
  show("choice", Boolean(invitation.used));
})();
