import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;

/**
 * What the Java client writes: reads lines "Name TAB version TAB json" (Name e.g. JoinGroupRequest)
 * and prints "Name version hex" for each, or "Name version !what went wrong".
 *
 * java -cp 'JARS/*' WireGolden.java
 */
public final class WireGolden {
    private static final ObjectMapper JSON = new ObjectMapper();

    public static void main(String[] arguments) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] parts = line.split("\t", 3);
            out.println(parts[0] + " " + parts[1] + " " + answer(parts[0], Short.parseShort(parts[1]), parts[2]));
        }
        out.flush();
    }

    private static String answer(String name, short version, String json) throws Exception {
        try {
            return HexFormat.of().formatHex(encode(message(name, version, JSON.readTree(json)), version));
        } catch (InvocationTargetException e) {
            return "!" + e.getCause();
        } catch (RuntimeException e) {
            return "!" + e;
        }
    }

    private static Message message(String name, short version, JsonNode json) throws Exception {
        Class<?> converter = Class.forName("org.apache.kafka.common.message." + name + "DataJsonConverter");
        return (Message) converter.getMethod("read", JsonNode.class, short.class).invoke(null, json, version);
    }

    private static byte[] encode(Message message, short version) {
        ObjectSerializationCache cache = new ObjectSerializationCache();
        ByteBuffer buffer = ByteBuffer.allocate(message.size(cache, version));
        message.write(new ByteBufferAccessor(buffer), cache, version);
        if (buffer.hasRemaining()) throw new IllegalStateException("size and write disagree");
        return buffer.array();
    }
}
