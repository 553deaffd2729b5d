import java.io.ByteArrayInputStream;
import java.io.StringReader;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
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

    /** As kcl-host reads a file: UTF-8 if it is that, without its mark; else as Java does. */
    private static void load(Properties properties, byte[] bytes) throws Exception {
        try {
            String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
            properties.load(new StringReader(text.startsWith("\ufeff") ? text.substring(1) : text));
        } catch (CharacterCodingException latin1) {
            boolean marked = bytes.length > 2 && bytes[0] == (byte) 0xef && bytes[1] == (byte) 0xbb && bytes[2] == (byte) 0xbf;
            properties.load(new ByteArrayInputStream(marked ? Arrays.copyOfRange(bytes, 3, bytes.length) : bytes));
        }
    }

    private static String dump(String text) throws Exception {
        Properties properties = new Properties();
        TreeSet<String> entries = new TreeSet<>();
        try {
            load(properties, text.getBytes(StandardCharsets.ISO_8859_1));
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
