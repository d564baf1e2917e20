import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** What Backend.java asks of a JSON library; for the test only. */
final class Json {
    private final String text;
    private int at;

    private Json(String text) {
        this.text = text;
    }

    @SuppressWarnings("unchecked")
    static Map<String, Object> read(String text) {
        return (Map<String, Object>) new Json(text).value();
    }

    private char next() {
        while (Character.isWhitespace(text.charAt(at))) at++;
        return text.charAt(at);
    }

    private Object value() {
        char first = next();
        if (first == '{') return object();
        if (first == '[') return list();
        if (first == '"') return string();
        int start = at;
        while (at < text.length() && "+-.eE0123456789truefalsn".indexOf(text.charAt(at)) >= 0) at++;
        String word = text.substring(start, at);
        return switch (word) {
            case "true" -> true;
            case "false" -> false;
            case "null" -> null;
            default -> Long.parseLong(word);
        };
    }

    private Map<String, Object> object() {
        Map<String, Object> found = new LinkedHashMap<>();
        at++;
        while (next() != '}') {
            if (next() == ',') at++;
            next();
            String name = string();
            next();
            at++; // the colon
            found.put(name, value());
        }
        at++;
        return found;
    }

    private List<Object> list() {
        List<Object> found = new ArrayList<>();
        at++;
        while (next() != ']') {
            if (next() == ',') at++;
            found.add(value());
        }
        at++;
        return found;
    }

    private String string() {
        StringBuilder found = new StringBuilder();
        while (text.charAt(++at) != '"') {
            char here = text.charAt(at);
            if (here != '\\') {
                found.append(here);
                continue;
            }
            here = text.charAt(++at);
            if (here == 'u') {
                found.append((char) Integer.parseInt(text.substring(at + 1, at + 5), 16));
                at += 4;
            } else {
                int known = "bfnrt".indexOf(here);
                found.append(known < 0 ? here : "\b\f\n\r\t".charAt(known));
            }
        }
        at++;
        return found.toString();
    }

    static String write(Object value) {
        if (value instanceof Map<?, ?> map) {
            return map.entrySet().stream().map(entry -> write(entry.getKey()) + ":" + write(entry.getValue()))
                .collect(Collectors.joining(",", "{", "}"));
        }
        if (value instanceof List<?> list) {
            return list.stream().map(Json::write).collect(Collectors.joining(",", "[", "]"));
        }
        if (!(value instanceof String text)) return String.valueOf(value);
        StringBuilder found = new StringBuilder("\"");
        for (char here : text.toCharArray()) {
            if (here == '"' || here == '\\') found.append('\\').append(here);
            else if (here < 32) found.append(String.format("\\u%04x", (int) here));
            else found.append(here);
        }
        return found.append('"').toString();
    }
}
