// A backend of a mini program: signs orders, receives pushes, asks how an order stands. Java 17 or newer.
// Json.read and Json.write stand for the JSON library that you have, such as Jackson's ObjectMapper with Map.class.
// The settings are environment variables: OPENSERVER (https://…), APP_ID, SERIAL_NO, KEY_FILE (the private key in PEM, PKCS#8),
// APP_KEY_LIVE, APP_KEY_SANDBOX, STORE (a folder), MERCHANT_ID for a mini program (a mini game leaves it out), PORT.
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Duration;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;

public final class Backend {
    static final HttpClient CLIENT = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();

    static String setting(String name) {
        return System.getenv().getOrDefault(name, "");
    }

    // During a rotation each list has two keys: the new one and the old one, separated by a comma.
    static List<String> appKeys(String env) {
        return switch (env) {
            case "0" -> List.of(setting("APP_KEY_LIVE").split(","));
            case "1" -> List.of(setting("APP_KEY_SANDBOX").split(","));
            default -> List.of();
        };
    }

    static String randomHex(int length) {
        byte[] raw = new byte[length];
        new SecureRandom().nextBytes(raw);
        return HexFormat.of().formatHex(raw);
    }

    // --- Calls to openServer, signed with the certificate's key

    static String rsa(String text) throws IOException, GeneralSecurityException {
        String pem = Files.readString(Path.of(setting("KEY_FILE"))).replaceAll("-----[^-]+-----|\\s", "");
        Signature signer = Signature.getInstance("SHA256withRSA");
        signer.initSign(KeyFactory.getInstance("RSA").generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem))));
        signer.update(text.getBytes(StandardCharsets.UTF_8));
        return Base64.getEncoder().encodeToString(signer.sign());
    }

    @SuppressWarnings("unchecked")
    static Map<String, Object> call(String method, String path, Map<String, ?> content) throws Exception {
        String body = content == null ? "" : Json.write(content);
        String now = String.valueOf(System.currentTimeMillis() / 1000), nonce = randomHex(16);
        String signature = rsa(method + "\n" + path + "\n" + now + "\n" + nonce + "\n" + body + "\n");
        String authorization = "SAS-SHA256-RSA2048 appid=\"%s\",serial_no=\"%s\",timestamp=\"%s\",nonce_str=\"%s\",signature=\"%s\""
            .formatted(setting("APP_ID"), setting("SERIAL_NO"), now, nonce, signature);
        HttpRequest request = HttpRequest.newBuilder(URI.create(setting("OPENSERVER") + path)).timeout(Duration.ofSeconds(20))
            .header("Authorization", authorization).header("Content-Type", "application/json")
            .method(method, HttpRequest.BodyPublishers.ofString(body)).build();
        Map<String, Object> answer = Json.read(CLIENT.send(request, HttpResponse.BodyHandlers.ofString()).body());
        if (!"0".equals(answer.get("returnCode"))) {
            throw new IOException(answer.get("returnCode") + ": " + answer.get("returnMessage"));
        }
        return (Map<String, Object>) answer.get("data");
    }

    // --- Place: the backend signs, the client SDK sends. unitPrice in minor units; code is the player's, and works once

    static Map<String, Object> signedOrder(String code, String productId, long unitPrice, String currency, int quantity, int env)
            throws Exception {
        Map<String, Object> session = call("POST", "/openserver/v1/jscode2session", Map.of("appId", setting("APP_ID"), "code", code));
        String number = "N" + randomHex(12); // store it with the player before you hand it out; never use it again
        Map<String, Object> data = new LinkedHashMap<>(Map.of("env", env, "outTradeNo", number, "productId", productId,
            "goodsPrice", unitPrice, "buyQuantity", quantity, "currencyType", currency, "attach", ""));
        Map<String, Object> order = new LinkedHashMap<>();
        if (setting("MERCHANT_ID").isEmpty()) {
            order.put("method", "requestMidasPaymentGameItem");
            data.putAll(Map.of("mode", "goods", "platform", "android"));
        } else {
            order.putAll(Map.of("method", "requestVirtualPayment", "mode", "short_series_goods"));
            data.put("offerId", setting("MERCHANT_ID"));
        }
        String text = Json.write(data); // from here on this very text: signed, sent, never written again
        order.put("signData", text);
        order.put("paySig", Signatures.paySig((String) order.get("method"), text, appKeys(String.valueOf(env)).get(0)));
        order.put("signature", Signatures.sessionSignature(text, (String) session.get("sessionKey")));
        return order;
    }

    // --- Verify and acknowledge

    // Give the player what was paid, once for each key. The file stands for an INSERT with a unique key, in your transaction.
    static void deliverOnce(String key, String payload) throws IOException, GeneralSecurityException {
        String name = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(key.getBytes(StandardCharsets.UTF_8)));
        try {
            Files.writeString(Path.of(setting("STORE"), name), payload, StandardOpenOption.CREATE_NEW);
        } catch (FileAlreadyExistsException again) {
            // the same push again: acknowledged, and nothing happens
        }
    }

    // The answer to one push: status and returnCode. "0" only after it was verified and stored.
    static Map.Entry<Integer, String> receive(String body) throws IOException, GeneralSecurityException {
        Map<String, Object> envelope, payload;
        try {
            envelope = Json.read(body);
            payload = Json.read((String) envelope.get("Payload"));
        } catch (RuntimeException unreadable) {
            return Map.entry(400, "BAD_PUSH");
        }
        String event = String.valueOf(envelope.get("Event")), text = (String) envelope.get("Payload");
        String given = String.valueOf(envelope.get("PayEventSig")), env = String.valueOf(payload.get("Env"));
        if (!Signatures.pushFits(event, text, given, appKeys(env))) {
            return Map.entry(401, "BAD_SIGNATURE");
        }
        if (Boolean.TRUE.equals(envelope.get("IsMock"))) {
            return Map.entry(200, "0"); // a test push: nothing to deliver
        }
        if (event.equals("minigame_game_pay_goods_deliver_notify")) {
            deliverOnce("goods " + env + " " + payload.get("OutTradeNo"), text);
        } else if (event.equals("minigame_pay_refund_notify")) {
            deliverOnce("refund " + env + " " + payload.get("RefundNo"), text);
        }
        return Map.entry(200, "0");
    }

    static void handle(HttpExchange exchange) throws IOException {
        Map.Entry<Integer, String> found;
        try {
            found = receive(new String(exchange.getRequestBody().readNBytes(65537), StandardCharsets.UTF_8));
        } catch (IOException | GeneralSecurityException error) {
            found = Map.entry(500, "NOT_STORED");
        }
        byte[] answer = Json.write(Map.of("returnCode", found.getValue(), "returnMessage", found.getValue(), "data", "",
            "requestId", randomHex(8))).getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        exchange.sendResponseHeaders(found.getKey(), answer.length);
        exchange.getResponseBody().write(answer);
        exchange.close();
    }

    // --- Query: payment, delivery, refund, amounts in minor units

    static Map<String, Object> query(String number, int env) throws Exception {
        return call("GET", "/openserver/v1/orders/" + number + "?appId=" + setting("APP_ID") + "&env=" + env, null);
    }

    static void serve() throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(setting("PORT"))), 0);
        server.createContext("/", Backend::handle);
        server.setExecutor(Executors.newFixedThreadPool(16));
        server.start();
        System.out.println("listening " + server.getAddress().getPort());
    }

    // Backend serve | Backend order CODE PRODUCT_ID UNIT_PRICE CURRENCY | Backend query NUMBER
    public static void main(String[] arguments) throws Exception {
        switch (arguments[0]) {
            case "serve" -> serve();
            case "order" -> System.out.println(Json.write(
                signedOrder(arguments[1], arguments[2], Long.parseLong(arguments[3]), arguments[4], 1, 0)));
            case "query" -> System.out.println(Json.write(query(arguments[1], 0)));
            default -> throw new IllegalArgumentException(arguments[0]);
        }
    }
}
