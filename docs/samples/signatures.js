// Signatures of orders and pushes. Node.js 18 or newer, standard library only.
"use strict";
const { createHmac, timingSafeEqual } = require("node:crypto");

function hmacHex(key, text) {
  return createHmac("sha256", Buffer.from(key, "utf8")).update(text, "utf8").digest("hex");
}

// paySig of an order; send exactly this signData, never one that was serialised again.
function paySig(method, signData, appKey) {
  return hmacHex(appKey, `${method}&${signData}`);
}

// The user-state signature of an order.
function sessionSignature(signData, sessionKey) {
  return hmacHex(sessionKey, signData);
}

function same(one, other) {
  const [a, b] = [Buffer.from(one, "utf8"), Buffer.from(other, "utf8")];
  return a.length === b.length && timingSafeEqual(a, b);
}

// Whether PayEventSig of a received push fits; appKeys has two entries during a rotation.
function pushFits(envelope, appKeys) {
  const { Event: event, Payload: payload, PayEventSig: given } = envelope;
  if ([event, payload, given].some((value) => typeof value !== "string")) return false;
  return appKeys.some((key) => key && same(given, hmacHex(key, `${event}&${payload}`)));
}

// Whether one part of webhook-signature fits; names of headers in lower case, body a Buffer as it came, tolerance in seconds.
function webhookFits(headers, body, appKeys, tolerance = 300) {
  const sentAt = headers["webhook-timestamp"] || "";
  if (!/^\d{1,12}$/.test(sentAt) || Math.abs(Date.now() / 1000 - Number(sentAt)) > tolerance) return false;
  const signed = Buffer.concat([Buffer.from(`${headers["webhook-id"] || ""}.${sentAt}.`), body]);
  const given = (headers["webhook-signature"] || "").split(" ");
  const digests = appKeys.filter(Boolean).map((key) => createHmac("sha256", Buffer.from(key, "base64")).update(signed).digest("base64"));
  return digests.some((digest) => given.some((part) => same(part, `v1,${digest}`)));
}

module.exports = { hmacHex, paySig, sessionSignature, pushFits, webhookFits };
