import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.CompressionType;
import org.apache.kafka.common.record.ControlRecordType;
import org.apache.kafka.common.record.DefaultRecordBatch;
import org.apache.kafka.common.record.EndTransactionMarker;
import org.apache.kafka.common.record.MemoryRecords;
import org.apache.kafka.common.record.MemoryRecordsBuilder;
import org.apache.kafka.common.record.MutableRecordBatch;
import org.apache.kafka.common.record.Record;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.utils.ByteBufferOutputStream;
import org.apache.kafka.common.utils.Utils;

/**
 * Batches by the Java client. Reads JSON objects, one a line, and answers each with one:
 * {"write": batch} with the batch's bytes and how Java reads them, {"read": hex} with the latter.
 * Bytes are hexadecimal digits. tests/support/java_records.h has the fields.
 *
 * java -cp 'JARS/*' RecordGolden.java
 */
public final class RecordGolden {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final HexFormat HEX = HexFormat.of();

    public static void main(String[] arguments) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            JsonNode question = JSON.readTree(line);
            ObjectNode answer = JSON.createObjectNode();
            byte[] bytes = question.has("write") ? write(question.get("write")) : HEX.parseHex(question.get("read").asText());
            if (question.has("write")) answer.put("bytes", HEX.formatHex(bytes));
            try {
                answer.set("batches", read(bytes));
            } catch (RuntimeException e) {
                answer.put("error", e.toString());
            }
            out.println(JSON.writeValueAsString(answer));
        }
        out.flush();
    }

    private static byte[] write(JsonNode batch) {
        if (batch.get("empty").asBoolean()) return writeEmpty(batch);
        boolean appendTime = batch.get("log_append_time").asBoolean();
        String marker = batch.get("marker").asText();
        byte magic = (byte) batch.get("magic").asInt();
        TimestampType type = magic == 0 ? TimestampType.NO_TIMESTAMP_TYPE
            : appendTime ? TimestampType.LOG_APPEND_TIME : TimestampType.CREATE_TIME;
        ByteBufferOutputStream out = new ByteBufferOutputStream(1 << 16);
        MemoryRecordsBuilder builder = new MemoryRecordsBuilder(out, magic,
            Compression.of(CompressionType.forName(batch.get("codec").asText())).build(), type,
            batch.get("base_offset").asLong(), appendTime ? batch.get("append_time").asLong() : -1,
            batch.get("producer_id").asLong(), (short) batch.get("producer_epoch").asInt(),
            batch.get("base_sequence").asInt(), batch.get("transactional").asBoolean(), !marker.isEmpty(),
            batch.get("leader_epoch").asInt(), 1 << 30, batch.get("delete_horizon").asLong());
        if (!marker.isEmpty())
            builder.appendEndTxnMarker(1000, new EndTransactionMarker(ControlRecordType.valueOf(marker), 7));
        for (JsonNode record : batch.get("records"))
            builder.appendWithOffset(record.get("offset").asLong(), record.get("timestamp_ms").asLong(),
                bytes(record.get("key")), bytes(record.get("value")), headers(record.get("headers")));
        ByteBuffer built = builder.build().buffer();
        return Utils.toArray(built);
    }

    private static byte[] writeEmpty(JsonNode batch) {
        ByteBuffer buffer = ByteBuffer.allocate(DefaultRecordBatch.RECORD_BATCH_OVERHEAD);
        long baseOffset = batch.get("base_offset").asLong();
        DefaultRecordBatch.writeEmptyHeader(buffer, (byte) 2, batch.get("producer_id").asLong(),
            (short) batch.get("producer_epoch").asInt(), batch.get("base_sequence").asInt(), baseOffset,
            baseOffset + 9, batch.get("leader_epoch").asInt(), TimestampType.CREATE_TIME, 5000, false, false);
        return buffer.array();
    }

    private static ArrayNode read(byte[] bytes) {
        ArrayNode batches = JSON.createArrayNode();
        for (MutableRecordBatch batch : MemoryRecords.readableRecords(ByteBuffer.wrap(bytes)).batches()) {
            ObjectNode one = batches.addObject();
            one.put("valid", isValid(batch));
            one.put("magic", batch.magic());
            one.put("base_offset", batch.baseOffset());
            one.put("last_offset", batch.lastOffset());
            one.put("leader_epoch", batch.partitionLeaderEpoch());
            one.put("codec", batch.compressionType().name);
            one.put("log_append_time", batch.timestampType() == TimestampType.LOG_APPEND_TIME);
            one.put("transactional", batch.isTransactional());
            one.put("control", batch.isControlBatch());
            one.put("delete_horizon", batch.deleteHorizonMs().orElse(-1));
            one.put("max_timestamp_ms", batch.maxTimestamp());
            one.put("producer_id", batch.producerId());
            one.put("producer_epoch", batch.producerEpoch());
            one.put("base_sequence", batch.baseSequence());
            ArrayNode records = one.putArray("records");
            for (Record record : batch) {
                record.ensureValid();
                describe(record, records.addObject());
            }
        }
        return batches;
    }

    private static boolean isValid(MutableRecordBatch batch) {
        try {
            batch.ensureValid();
            return true;
        } catch (RuntimeException e) {
            return false;
        }
    }

    private static void describe(Record record, ObjectNode one) {
        one.put("offset", record.offset());
        one.put("timestamp_ms", record.timestamp());
        one.put("key", hex(record.key()));
        one.put("value", hex(record.value()));
        ArrayNode headers = one.putArray("headers");
        for (Header header : record.headers())
            headers.addArray().add(HEX.formatHex(header.key().getBytes(StandardCharsets.UTF_8)))
                .add(header.value() == null ? null : HEX.formatHex(header.value()));
    }

    private static String hex(ByteBuffer bytes) {
        return bytes == null ? null : HEX.formatHex(Utils.toArray(bytes));
    }

    private static byte[] bytes(JsonNode hex) {
        return hex.isNull() ? null : HEX.parseHex(hex.asText());
    }

    private static Header[] headers(JsonNode pairs) {
        Header[] headers = new Header[pairs.size()];
        Arrays.setAll(headers, i -> new RecordHeader(
            new String(bytes(pairs.get(i).get(0)), StandardCharsets.UTF_8), bytes(pairs.get(i).get(1))));
        return headers;
    }
}
