// A backend of a mini program: signs orders, receives pushes, asks how an order stands. Go 1.18 or newer, standard library only.
// The settings are environment variables: OPENSERVER (https://…), APP_ID, SERIAL_NO, KEY_FILE (the private key in PEM, PKCS#8),
// APP_KEY_LIVE, APP_KEY_SANDBOX, STORE (a folder), MERCHANT_ID for a mini program (a mini game leaves it out), PORT.
package main

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// During a rotation each list has two keys: the new one and the old one, separated by a comma.
func appKeys(env string) []string {
	name, known := map[string]string{"0": "APP_KEY_LIVE", "1": "APP_KEY_SANDBOX"}[env]
	if !known {
		return nil
	}
	return strings.Split(os.Getenv(name), ",")
}

func randomHex(length int) string {
	raw := make([]byte, length)
	if _, err := rand.Read(raw); err != nil {
		panic(err)
	}
	return hex.EncodeToString(raw)
}

// --- Calls to openServer, signed with the certificate's key

func privateKey() (*rsa.PrivateKey, error) {
	text, err := os.ReadFile(os.Getenv("KEY_FILE"))
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("KEY_FILE holds no PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	own, fits := key.(*rsa.PrivateKey)
	if !fits {
		return nil, errors.New("KEY_FILE holds no RSA key")
	}
	return own, nil
}

// Call openServer and read `data` of its answer into result.
func Call(method, path string, content, result interface{}) error {
	body := []byte{}
	if content != nil {
		body, _ = json.Marshal(content)
	}
	key, err := privateKey()
	if err != nil {
		return err
	}
	now, nonce := strconv.FormatInt(time.Now().Unix(), 10), randomHex(16)
	sum := sha256.Sum256([]byte(method + "\n" + path + "\n" + now + "\n" + nonce + "\n" + string(body) + "\n"))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		return err
	}
	request, err := http.NewRequest(method, os.Getenv("OPENSERVER")+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", fmt.Sprintf(
		`SAS-SHA256-RSA2048 appid="%s",serial_no="%s",timestamp="%s",nonce_str="%s",signature="%s"`,
		os.Getenv("APP_ID"), os.Getenv("SERIAL_NO"), now, nonce, base64.StdEncoding.EncodeToString(signature)))
	client := http.Client{Timeout: 20 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer := struct {
		ReturnCode, ReturnMessage string
		Data                      json.RawMessage
	}{}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return err
	}
	if answer.ReturnCode != "0" {
		return fmt.Errorf("%s: %s", answer.ReturnCode, answer.ReturnMessage)
	}
	return json.Unmarshal(answer.Data, result)
}

// --- Place: the backend signs, the client SDK sends. unitPrice in minor units; code is the player's, and works once

func SignedOrder(code, productId string, unitPrice int, currency string, quantity, env int) (map[string]string, error) {
	session := struct{ SessionKey string }{}
	asked := map[string]string{"appId": os.Getenv("APP_ID"), "code": code}
	if err := Call("POST", "/openserver/v1/jscode2session", asked, &session); err != nil {
		return nil, err
	}
	number := "N" + randomHex(12) // store it with the player before you hand it out; never use it again
	data := map[string]interface{}{"env": env, "outTradeNo": number, "productId": productId, "goodsPrice": unitPrice,
		"buyQuantity": quantity, "currencyType": currency, "attach": ""}
	order := map[string]string{"method": "requestMidasPaymentGameItem"}
	if merchant := os.Getenv("MERCHANT_ID"); merchant != "" {
		order = map[string]string{"method": "requestVirtualPayment", "mode": "short_series_goods"}
		data["offerId"] = merchant
	} else {
		data["mode"], data["platform"] = "goods", "android"
	}
	text, _ := json.Marshal(data) // from here on this very text: signed, sent, never written again
	order["signData"] = string(text)
	order["paySig"] = PaySig(order["method"], order["signData"], appKeys(strconv.Itoa(env))[0])
	order["signature"] = SessionSignature(order["signData"], session.SessionKey)
	return order, nil
}

// --- Verify and acknowledge

// Give the player what was paid, once for each key. The file stands for an INSERT with a unique key, in your transaction.
func deliverOnce(key, payload string) error {
	name := sha256.Sum256([]byte(key))
	path := filepath.Join(os.Getenv("STORE"), hex.EncodeToString(name[:]))
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil // the same push again: acknowledged, and nothing happens
	}
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.WriteString(payload)
	return err
}

// Status and returnCode for one push. "0" only after it was verified and stored.
func receive(body []byte) (int, string) {
	var envelope struct {
		Event, Payload, PayEventSig string
		IsMock                      bool
	}
	var payload struct {
		Env                  interface{} // a string or a number
		OutTradeNo, RefundNo string
	}
	if json.Unmarshal(body, &envelope) != nil || json.Unmarshal([]byte(envelope.Payload), &payload) != nil {
		return 400, "BAD_PUSH"
	}
	env := fmt.Sprint(payload.Env)
	if !PushFits(envelope.Event, envelope.Payload, envelope.PayEventSig, appKeys(env)) {
		return 401, "BAD_SIGNATURE"
	}
	if envelope.IsMock {
		return 200, "0" // a test push: nothing to deliver
	}
	var err error
	switch envelope.Event {
	case "minigame_game_pay_goods_deliver_notify":
		err = deliverOnce("goods "+env+" "+payload.OutTradeNo, envelope.Payload)
	case "minigame_pay_refund_notify":
		err = deliverOnce("refund "+env+" "+payload.RefundNo, envelope.Payload)
	}
	if err != nil {
		return 500, "NOT_STORED"
	}
	return 200, "0"
}

func serve(response http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(response, request.Body, 65536))
	status, code := 400, "BAD_PUSH"
	if err == nil {
		status, code = receive(body)
	}
	response.Header().Set("Content-Type", "application/json")
	response.WriteHeader(status)
	json.NewEncoder(response).Encode(map[string]string{
		"returnCode": code, "returnMessage": code, "data": "", "requestId": randomHex(8)})
}

// --- Query: payment, delivery, refund, amounts in minor units

func Query(number string, env int) (map[string]interface{}, error) {
	found := map[string]interface{}{}
	path := fmt.Sprintf("/openserver/v1/orders/%s?appId=%s&env=%d", number, os.Getenv("APP_ID"), env)
	return found, Call("GET", path, nil, &found)
}

func listen() error {
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
	if err != nil {
		return err
	}
	fmt.Println("listening", listener.Addr().(*net.TCPAddr).Port)
	server := http.Server{Handler: http.HandlerFunc(serve), ReadTimeout: 10 * time.Second}
	return server.Serve(listener)
}

// backend serve | backend order CODE PRODUCT_ID UNIT_PRICE CURRENCY | backend query NUMBER
func main() {
	var found interface{}
	var err error
	switch verb, rest := os.Args[1], os.Args[2:]; verb {
	case "serve":
		err = listen()
	case "order":
		price, _ := strconv.Atoi(rest[2])
		found, err = SignedOrder(rest[0], rest[1], price, rest[3], 1, 0)
	case "query":
		found, err = Query(rest[0], 0)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	json.NewEncoder(os.Stdout).Encode(found)
}
