// A backend of a mini program: signs orders, receives pushes, asks how an order stands. Node.js 18 or newer, no packages.
// The settings are environment variables: OPENSERVER (https://…), APP_ID, SERIAL_NO, KEY_FILE (the private key in PEM),
// APP_KEY_LIVE, APP_KEY_SANDBOX, STORE (a folder), MERCHANT_ID for a mini program (a mini game leaves it out), PORT.
"use strict";
const { createHash, createSign, randomBytes } = require("node:crypto");
const { readFileSync, writeFileSync } = require("node:fs");
const { createServer } = require("node:http");
const { join } = require("node:path");
const { paySig, sessionSignature, pushFits } = require("./signatures.js");

const settings = process.env;
// During a rotation each list has two keys: the new one and the old one, separated by a comma.
const appKeys = [settings.APP_KEY_LIVE, settings.APP_KEY_SANDBOX].map((keys) => (keys || "").split(","));

// --- Calls to openServer, signed with the certificate's key

async function call(method, path, content) {
  const body = content === undefined ? "" : JSON.stringify(content);
  const [now, nonce] = [String(Math.floor(Date.now() / 1000)), randomBytes(16).toString("hex")];
  const signer = createSign("RSA-SHA256").update(`${method}\n${path}\n${now}\n${nonce}\n${body}\n`, "utf8");
  const signature = signer.sign(readFileSync(settings.KEY_FILE), "base64");
  const fields = { appid: settings.APP_ID, serial_no: settings.SERIAL_NO, timestamp: now, nonce_str: nonce, signature };
  const parts = Object.entries(fields).map(([name, value]) => `${name}="${value}"`);
  const headers = { Authorization: `SAS-SHA256-RSA2048 ${parts.join(",")}`, "Content-Type": "application/json" };
  const signal = AbortSignal.timeout(20000);
  const answer = await (await fetch(settings.OPENSERVER + path, { method, headers, body: body || undefined, signal })).json();
  if (answer.returnCode !== "0") throw new Error(`${answer.returnCode}: ${answer.returnMessage}`);
  return answer.data;
}

// --- Place: the backend signs, the client SDK sends. unitPrice in minor units; code is the player's, and works once

async function signedOrder(code, productId, unitPrice, currency, quantity = 1, env = 0) {
  const session = await call("POST", "/openserver/v1/jscode2session", { appId: settings.APP_ID, code });
  const outTradeNo = "N" + randomBytes(12).toString("hex"); // store it with the player before you hand it out; never use it again
  const common = { env, outTradeNo, productId, goodsPrice: unitPrice, buyQuantity: quantity, currencyType: currency, attach: "" };
  const game = !settings.MERCHANT_ID;
  const method = game ? "requestMidasPaymentGameItem" : "requestVirtualPayment";
  const data = game ? { ...common, mode: "goods", platform: "android" } : { ...common, offerId: settings.MERCHANT_ID };
  const signData = JSON.stringify(data); // from here on this very text: signed, sent, never written again
  const signed = { paySig: paySig(method, signData, appKeys[env][0]), signature: sessionSignature(signData, session.sessionKey) };
  return { method, signData, ...signed, ...(game ? {} : { mode: "short_series_goods" }) };
}

// --- Verify and acknowledge

// Give the player what was paid, once for each key. The file stands for an INSERT with a unique key, in your transaction.
function deliverOnce(key, payload) {
  try {
    writeFileSync(join(settings.STORE, createHash("sha256").update(key).digest("hex")), JSON.stringify(payload), { flag: "wx" });
  } catch (error) {
    if (error.code !== "EEXIST") throw error; // else the same push again: acknowledged, and nothing happens
  }
}

// Status and returnCode for one push. "0" only after it was verified and stored.
function receive(body) {
  let envelope, payload, keys;
  try {
    envelope = JSON.parse(body.toString("utf8"));
    payload = JSON.parse(envelope.Payload);
    keys = appKeys[Number(payload.Env)];
  } catch {
    return [400, "BAD_PUSH"];
  }
  if (!keys) return [400, "BAD_PUSH"];
  if (!pushFits(envelope, keys)) return [401, "BAD_SIGNATURE"];
  if (envelope.IsMock === true) return [200, "0"]; // a test push: nothing to deliver
  if (envelope.Event === "minigame_game_pay_goods_deliver_notify") {
    deliverOnce(`goods ${payload.Env} ${payload.OutTradeNo}`, payload);
  } else if (envelope.Event === "minigame_pay_refund_notify") {
    deliverOnce(`refund ${payload.Env} ${payload.RefundNo}`, payload);
  }
  return [200, "0"];
}

function serve(port) {
  const server = createServer((request, response) => {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      const [status, code] = receive(Buffer.concat(chunks));
      const answer = { returnCode: code, returnMessage: code, data: "", requestId: randomBytes(8).toString("hex") };
      response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(answer));
    });
  });
  server.listen(port, "127.0.0.1", () => console.log("listening", server.address().port));
}

// --- Query: payment, delivery, refund, amounts in minor units

function query(number, env = 0) {
  return call("GET", `/openserver/v1/orders/${number}?appId=${settings.APP_ID}&env=${env}`);
}

if (require.main === module) {
  const [verb, ...rest] = process.argv.slice(2);
  const print = (value) => console.log(JSON.stringify(value));
  if (verb === "serve") serve(Number(settings.PORT));
  if (verb === "order") signedOrder(rest[0], rest[1], Number(rest[2]), rest[3]).then(print);
  if (verb === "query") query(rest[0]).then(print);
}
