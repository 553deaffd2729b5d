import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import java.util.TreeSet;

/**
 * What java.util.Properties makes of the texts in a file, which are separated by NUL: a line each, "refused" or the
 * entries as KEY=VALUE in hexadecimal UTF-8, sorted, without blanks at the end of values.
 */
public final class PropertiesDump {
    private static String hex(String text) {
        StringBuilder out = new StringBuilder();
        String whole = text.codePoints()
            .map(c -> c >= 0xd800 && c <= 0xdfff ? 0xfffd : c) // half a pair, which UTF-8 cannot say
            .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
            .toString();
        for (byte b : whole.getBytes(StandardCharsets.UTF_8)) {
            out.append(String.format("%02x", b & 0xff));
        }
        return out.toString();
    }

    private static String dump(String text) throws Exception {
        Properties properties = new Properties();
        TreeSet<String> entries = new TreeSet<>();
        try {
            properties.load(new ByteArrayInputStream(text.getBytes(StandardCharsets.ISO_8859_1)));
        } catch (IllegalArgumentException malformed) {
            return "refused";
        }
        properties.forEach((key, value) ->
            entries.add(hex((String) key) + "=" + hex(((String) value).replaceAll("[ \t\f]+\\z", ""))));
        return String.join(" ", entries);
    }

    public static void main(String[] args) throws Exception {
        String all = Files.readString(Path.of(args[0]), StandardCharsets.ISO_8859_1);
        for (String text : all.split("\0")) {
            System.out.println(dump(text));
        }
    }
}
