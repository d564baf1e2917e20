// Signatures of orders and pushes. Java 17 or newer, standard library only.
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

public final class Signatures {
    static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static byte[] hmac(byte[] key, byte[] message) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(key, "HmacSHA256"));
            return mac.doFinal(message);
        } catch (GeneralSecurityException error) {
            throw new IllegalStateException(error);
        }
    }

    static String hmacHex(String key, String text) {
        return HexFormat.of().formatHex(hmac(utf8(key), utf8(text)));
    }

    /** paySig of an order; send exactly this signData, never one that was serialised again. */
    public static String paySig(String method, String signData, String appKey) {
        return hmacHex(appKey, method + "&" + signData);
    }

    /** The user-state signature of an order. */
    public static String sessionSignature(String signData, String sessionKey) {
        return hmacHex(sessionKey, signData);
    }

    /** Whether PayEventSig of a received push fits; appKeys has two entries during a rotation. */
    public static boolean pushFits(String event, String payload, String given, List<String> appKeys) {
        return appKeys.stream().filter(key -> !key.isEmpty())
            .anyMatch(key -> MessageDigest.isEqual(utf8(given), utf8(hmacHex(key, event + "&" + payload))));
    }

    /** Whether one part of webhook-signature fits; id, sentAt and given are the headers, body is what came, tolerance in seconds. */
    public static boolean webhookFits(String id, String sentAt, String given, byte[] body, List<String> appKeys, long tolerance) {
        if (!sentAt.matches("[0-9]{1,12}") || Math.abs(System.currentTimeMillis() / 1000 - Long.parseLong(sentAt)) > tolerance) {
            return false;
        }
        ByteArrayOutputStream signed = new ByteArrayOutputStream();
        signed.writeBytes(utf8(id + "." + sentAt + "."));
        signed.writeBytes(body);
        for (String appKey : appKeys) {
            if (appKey.isEmpty()) continue;
            String expected = "v1," + Base64.getEncoder().encodeToString(hmac(Base64.getDecoder().decode(appKey), signed.toByteArray()));
            for (String part : given.split(" ")) {
                if (MessageDigest.isEqual(utf8(part), utf8(expected))) return true;
            }
        }
        return false;
    }
}
