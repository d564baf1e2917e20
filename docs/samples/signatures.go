// Signatures of orders and pushes. Go 1.18 or newer, standard library only.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"
)

func digest(key, message []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(message)
	return mac.Sum(nil)
}

func hmacHex(key, text string) string { return hex.EncodeToString(digest([]byte(key), []byte(text))) }

// PaySig of an order; send exactly this signData, never one that was serialised again.
func PaySig(method, signData, appKey string) string { return hmacHex(appKey, method+"&"+signData) }

// SessionSignature is the user-state signature of an order.
func SessionSignature(signData, sessionKey string) string { return hmacHex(sessionKey, signData) }

// PushFits says whether PayEventSig of a received push fits; appKeys has two entries during a rotation.
func PushFits(event, payload, given string, appKeys []string) bool {
	for _, key := range appKeys {
		if key != "" && hmac.Equal([]byte(given), []byte(hmacHex(key, event+"&"+payload))) {
			return true
		}
	}
	return false
}

// WebhookFits says whether one part of webhook-signature fits; body is what came, byte for byte.
func WebhookFits(headers http.Header, body []byte, appKeys []string, tolerance time.Duration) bool {
	sentAt := headers.Get("webhook-timestamp")
	seconds, err := strconv.ParseInt(sentAt, 10, 64)
	if age := time.Since(time.Unix(seconds, 0)); err != nil || age > tolerance || age < -tolerance {
		return false
	}
	signed := append([]byte(headers.Get("webhook-id")+"."+sentAt+"."), body...)
	for _, appKey := range appKeys {
		key, err := base64.StdEncoding.DecodeString(appKey)
		if err != nil || len(key) == 0 {
			continue
		}
		expected := "v1," + base64.StdEncoding.EncodeToString(digest(key, signed))
		for _, part := range strings.Split(headers.Get("webhook-signature"), " ") {
			if hmac.Equal([]byte(part), []byte(expected)) {
				return true
			}
		}
	}
	return false
}
