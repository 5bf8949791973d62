import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.zip.CRC32C;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionInfo;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.MemoryRecordsBuilder;
import org.apache.kafka.common.record.CompressionType;
import org.apache.kafka.common.record.MemoryRecords;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Fills a topic with many records, fast, in batches of exactly the shape asked for, the same ones for the same seed.
 *
 * <p>Without transactions the batches are built by the Java client's own MemoryRecordsBuilder (formats 0, 1 and 2) and
 * sent in plain Produce requests, so that their limits do not depend on timing. Transactions go through KafkaProducer,
 * in chunks that are flushed one after the other: the order in the log does not depend on timing either.
 *
 * <p>Options: see testenv/README.md (testenv/load). Needs kafka-clients 3.9.1; brokers from 0.11 on.
 */
public class Load {
    private static final int IN_FLIGHT = 6; // requests per connection
    private static final int REQUEST_BYTES = 900_000;
    private static final int TEMPLATES = 4096;

    private final Map<String, String> options = new HashMap<>();
    private final Map<String, String> topicConfig = new HashMap<>();

    private String topic;
    private int partitions;
    private long[] counts; // records per partition
    private byte[][] templates;
    private long firstTimestamp;
    private Partition[] states;

    public static void main(String[] args) throws Exception {
        Load load = new Load();
        if (!load.parse(args)) {
            System.err.println("usage: Load --bootstrap H:P --topic T [options: see testenv/README.md]");
            System.exit(2);
        }
        String summary;
        try {
            summary = load.run();
        } catch (Exception error) {
            System.err.println("Load: " + load.topic + ": " + error);
            System.exit(1);
            return;
        }
        System.out.println(summary);
        System.out.flush();
        Runtime.getRuntime().halt(0); // a clean end would abort the transaction that is to stay open
    }

    private boolean parse(String[] args) {
        String[][] defaults = {
            {"partitions", "24"}, {"replication-factor", "1"}, {"records", "1000"}, {"value-bytes", "400"},
            {"compression", "none"}, {"batch-bytes", "16384"}, {"batch-records", "0"}, {"magic", "2"}, {"keys", "unique"},
            {"headers", "0"}, {"null-values", "0"}, {"null-keys", "0"}, {"seed", "1"}, {"timestamp-ms", "0"},
            {"timestamp-step-ms", "1"}, {"timestamp-jitter-ms", "0"}, {"transactions", "0"}, {"abort-percent", "0"},
            {"producers", "2"}, {"open", "0"}, {"open-timeout-ms", "900000"}, {"end-open", "no"}, {"threads", "2"},
            {"start", "0"}};
        for (String[] pair : defaults) {
            options.put(pair[0], pair[1]);
        }
        for (int i = 0; i < args.length; i += 2) {
            if (!args[i].startsWith("--") || i + 1 == args.length) {
                return false;
            }
            String name = args[i].substring(2);
            if (name.equals("topic-config")) {
                String[] pair = args[i + 1].split("=", 2);
                topicConfig.put(pair[0], pair[1]);
            } else if (options.containsKey(name) || name.equals("bootstrap") || name.equals("topic")) {
                options.put(name, args[i + 1]);
            } else {
                System.err.println("unknown option " + args[i]);
                return false;
            }
        }
        return options.keySet().containsAll(Arrays.asList("bootstrap", "topic"));
    }

    private int number(String name) {
        return Integer.parseInt(options.get(name));
    }

    private long longNumber(String name) {
        return Long.parseLong(options.get(name));
    }

    private String run() throws Exception {
        topic = options.get("topic");
        if (options.get("end-open").equals("yes")) {
            endOpen();
            return "{\"ended\":true}";
        }
        partitions = number("partitions");
        counts = countsOf(options.get("records"));
        makeTemplates();
        long most = Arrays.stream(counts).max().getAsLong();
        firstTimestamp = longNumber("timestamp-ms");
        if (firstTimestamp == 0) {
            firstTimestamp = System.currentTimeMillis() - most * number("timestamp-step-ms") - number("timestamp-jitter-ms");
        }
        states = new Partition[partitions];
        for (int i = 0; i < partitions; i++) {
            states[i] = new Partition(i);
        }
        Map<Integer, Node> leaders = prepareTopic();
        long began = System.nanoTime();
        if (!options.get("transactions").equals("0") || number("open") > 0) {
            runTransactions();
        } else {
            runDirect(leaders);
        }
        return summary((System.nanoTime() - began) / 1e9);
    }

    /** "3000000": spread evenly; "0:10,2:5": per partition, the others empty. */
    private long[] countsOf(String text) {
        long[] found = new long[partitions];
        if (!text.contains(":")) {
            long all = Long.parseLong(text);
            for (int i = 0; i < partitions; i++) {
                found[i] = all / partitions + (i < all % partitions ? 1 : 0);
            }
            return found;
        }
        for (String part : text.split(",")) {
            String[] pair = part.split(":");
            found[Integer.parseInt(pair[0])] = Long.parseLong(pair[1]);
        }
        return found;
    }

    // --- The topic ---

    private Map<Integer, Node> prepareTopic() throws Exception {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", options.get("bootstrap"));
        try (Admin admin = Admin.create(properties)) {
            try {
                admin.createTopics(List.of(new NewTopic(topic, Optional.of(partitions),
                        Optional.of((short) number("replication-factor"))).configs(topicConfig))).all().get();
            } catch (ExecutionException error) {
                if (!(error.getCause() instanceof TopicExistsException)) {
                    throw error;
                }
            }
            long deadline = System.currentTimeMillis() + 60_000;
            while (true) {
                Map<Integer, Node> leaders = new TreeMap<>();
                try {
                    TopicDescription found = admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic);
                    for (TopicPartitionInfo partition : found.partitions()) {
                        if (partition.leader() != null && partition.leader().port() > 0) {
                            leaders.put(partition.partition(), partition.leader());
                        }
                    }
                } catch (ExecutionException error) {
                    if (!(error.getCause() instanceof UnknownTopicOrPartitionException)) {
                        throw error;
                    }
                }
                if (leaders.size() >= partitions) {
                    awaitLeaders(admin);
                    return leaders;
                }
                if (System.currentTimeMillis() > deadline) {
                    throw new IOException("only " + leaders.size() + " of " + partitions + " partitions have a leader after 60 s");
                }
                Thread.sleep(50);
            }
        }
    }

    /** Until each leader knows that it is one: Admin asks again as long as it does not. */
    private void awaitLeaders(Admin admin) throws Exception {
        Map<TopicPartition, OffsetSpec> wanted = new HashMap<>();
        for (int i = 0; i < partitions; i++) {
            wanted.put(new TopicPartition(topic, i), OffsetSpec.latest());
        }
        admin.listOffsets(wanted).all().get();
    }

    // --- Records ---

    private static final String[] EVENTS = {"page_view", "add_to_cart", "checkout", "login", "search", "refund"};
    private static final String[] CITIES = {"Berlin", "Hamburg", "Leipzig", "Freiburg", "Dresden", "Aachen", "Rostock"};

    /** Values differ in their first bytes, which hold partition and number, and by template. */
    private void makeTemplates() {
        int size = number("value-bytes");
        SplittableRandom random = new SplittableRandom(number("seed"));
        templates = new byte[TEMPLATES][];
        for (int i = 0; i < TEMPLATES; i++) {
            StringBuilder text = new StringBuilder("{\"partition\":00000,\"number\":000000000000,");
            text.append("\"event\":\"").append(EVENTS[random.nextInt(EVENTS.length)]);
            text.append("\",\"user_id\":").append(random.nextInt(10_000_000));
            text.append(",\"session\":\"").append(Long.toHexString(random.nextLong())).append(Long.toHexString(random.nextLong()));
            text.append("\",\"city\":\"").append(CITIES[random.nextInt(CITIES.length)]);
            text.append("\",\"amount\":").append(random.nextInt(100_000) / 100.0);
            text.append(",\"currency\":\"EUR\",\"items\":[");
            while (text.length() < size - 60) {
                text.append("{\"sku\":\"").append(Long.toString(Math.abs(random.nextLong()) % 36_000_000_000L, 36));
                text.append("\",\"count\":").append(1 + random.nextInt(9)).append("},");
            }
            text.append("null],\"note\":\"");
            while (text.length() < size - 2) {
                text.append('.');
            }
            templates[i] = Arrays.copyOf(text.append("\"}").toString().getBytes(StandardCharsets.US_ASCII), Math.max(size, 40));
        }
    }

    private static void digits(byte[] into, int at, int count, long value) {
        for (int i = at + count - 1; i >= at; i--) {
            into[i] = (byte) ('0' + value % 10);
            value /= 10;
        }
    }

    private static final class Item {
        long timestamp;
        byte[] key;
        byte[] value;
        Header[] headers;
    }

    /** One partition's records, in order; the same for the same seed. Used by one thread. */
    private final class Partition {
        final int number;
        final SplittableRandom random;
        final CRC32C digest = new CRC32C(); // over the records' own CRC32Cs, of those that are visible
        long next = 0;
        long visible = 0;
        double ratio = 1.0;
        Item pending; // made, but had no room in the last batch
        private final CRC32C one = new CRC32C();
        private final ByteBuffer scratch = ByteBuffer.allocate(4);

        Partition(int number) {
            this.number = number;
            this.random = new SplittableRandom(longNumber("seed") * 1_000_003 + number);
        }

        boolean more() {
            return pending != null || next < counts[number];
        }

        Item make() {
            if (pending != null) {
                Item item = pending;
                pending = null;
                return item;
            }
            Item item = new Item();
            long shown = longNumber("start") + next;
            int jitter = jitterMs == 0 ? 0 : random.nextInt(jitterMs);
            item.timestamp = firstTimestamp + next * stepMs + jitter;
            byte[] template = templates[random.nextInt(TEMPLATES)];
            if (nullValues == 0 || random.nextInt(1000) >= nullValues) {
                item.value = template.clone();
                digits(item.value, 13, 5, number);
                digits(item.value, 28, 12, shown);
            }
            if (distinctKeys > 0) {
                item.key = ("k" + random.nextInt(distinctKeys)).getBytes(StandardCharsets.US_ASCII);
            } else if (uniqueKeys) {
                item.key = (number + "-" + shown).getBytes(StandardCharsets.US_ASCII);
            }
            if (nullKeys > 0 && random.nextInt(1000) < nullKeys) {
                item.key = null;
            }
            item.headers = new Header[headerCount];
            for (int i = 0; i < headerCount; i++) {
                byte[] value = random.nextInt(10) == 0 ? null : Long.toHexString(random.nextLong()).getBytes(StandardCharsets.US_ASCII);
                item.headers[i] = new RecordHeader("h" + i, value);
            }
            next++;
            return item;
        }

        int crcOf(Item item) {
            one.reset();
            add(item.key);
            add(item.value);
            addInt(item.headers.length);
            for (Header header : item.headers) {
                add(header.key().getBytes(StandardCharsets.UTF_8));
                add(header.value());
            }
            return (int) one.getValue();
        }

        void note(int crc) {
            scratch.clear();
            scratch.putInt(crc).flip();
            digest.update(scratch);
            visible++;
        }

        private void add(byte[] bytes) {
            addInt(bytes == null ? -1 : bytes.length);
            if (bytes != null) {
                one.update(bytes, 0, bytes.length);
            }
        }

        private void addInt(int value) {
            scratch.clear();
            scratch.putInt(value).flip();
            one.update(scratch);
        }
    }

    // Read once: the loops are hot.
    private int jitterMs;
    private int stepMs;
    private int nullValues;
    private int nullKeys;
    private int distinctKeys;
    private boolean uniqueKeys;
    private int headerCount;

    private void readShape() {
        jitterMs = number("timestamp-jitter-ms");
        stepMs = number("timestamp-step-ms");
        nullValues = number("null-values");
        nullKeys = number("null-keys");
        headerCount = number("headers");
        String keys = options.get("keys");
        uniqueKeys = keys.equals("unique");
        distinctKeys = uniqueKeys || keys.equals("none") ? 0 : Integer.parseInt(keys);
    }

    // --- Without transactions ---

    private void runDirect(Map<Integer, Node> leaders) throws Exception {
        readShape();
        int threads = Math.max(1, Math.min(number("threads"), partitions));
        List<Sender> senders = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            List<Partition> own = new ArrayList<>();
            for (int p = i; p < partitions; p += threads) {
                own.add(states[p]);
            }
            senders.add(new Sender(own, leaders));
        }
        senders.forEach(Thread::start);
        for (Sender sender : senders) {
            sender.join();
        }
        for (Sender sender : senders) {
            if (sender.failure != null) {
                throw sender.failure;
            }
        }
    }

    /** Builds the batches of its partitions and keeps a few requests in flight to each of their leaders. */
    private final class Sender extends Thread {
        private final Map<Node, List<Partition>> byLeader = new HashMap<>();
        private final Map<Node, Connection> connections = new HashMap<>();
        private final int magic = number("magic");
        private final Compression compression = Compression.of(options.get("compression")).build();
        private final int batchBytes = number("batch-bytes");
        private final int fewest;
        private final int mostRecords; // 0: as many as fit
        Exception failure;

        Sender(List<Partition> own, Map<Integer, Node> leaders) {
            for (Partition partition : own) {
                byLeader.computeIfAbsent(leaders.get(partition.number), key -> new ArrayList<>()).add(partition);
            }
            String[] range = options.get("batch-records").split("-");
            fewest = Integer.parseInt(range[0]);
            mostRecords = Integer.parseInt(range[range.length - 1]);
        }

        @Override
        public void run() {
            try {
                for (Node leader : byLeader.keySet()) {
                    connections.put(leader, new Connection(leader, magic, compression.type() == CompressionType.ZSTD));
                }
                boolean more = true;
                while (more) {
                    more = false;
                    for (Map.Entry<Node, List<Partition>> entry : byLeader.entrySet()) {
                        more |= sendRound(connections.get(entry.getKey()), entry.getValue());
                    }
                }
                for (Connection connection : connections.values()) {
                    connection.close();
                }
            } catch (Exception error) {
                failure = error;
            }
        }

        /** At most one batch of each partition; false when there was nothing left to send. */
        private boolean sendRound(Connection connection, List<Partition> own) throws IOException {
            Map<Integer, ByteBuffer> batches = new TreeMap<>();
            int bytes = 0;
            boolean sent = false;
            for (Partition partition : own) {
                if (!partition.more()) {
                    continue;
                }
                ByteBuffer batch = build(partition);
                if (bytes > 0 && bytes + batch.remaining() > REQUEST_BYTES) {
                    connection.produce(topic, batches);
                    batches.clear();
                    bytes = 0;
                }
                batches.put(partition.number, batch);
                bytes += batch.remaining();
                sent = true;
            }
            if (!batches.isEmpty()) {
                connection.produce(topic, batches);
            }
            return sent;
        }

        private ByteBuffer build(Partition partition) {
            int most = fewest == mostRecords ? mostRecords : partition.random.nextInt(fewest, mostRecords + 1);
            MemoryRecordsBuilder builder = MemoryRecords.builder(ByteBuffer.allocate(most > 0 ? 16_384 : batchBytes), (byte) magic,
                    compression, TimestampType.CREATE_TIME, 0L);
            builder.setEstimatedCompressionRatio((float) partition.ratio);
            int records = 0;
            while (partition.more() && (most == 0 || records < most)) {
                Item item = partition.make();
                if (most == 0 && records > 0 && !builder.hasRoomFor(item.timestamp, item.key, item.value, item.headers)) {
                    partition.pending = item;
                    break;
                }
                if (magic < 2) {
                    builder.append(item.timestamp, item.key, item.value);
                } else {
                    builder.append(item.timestamp, item.key, item.value, item.headers);
                }
                partition.note(partition.crcOf(item));
                records++;
            }
            builder.close();
            partition.ratio = builder.compressionRatio();
            return builder.build().buffer();
        }
    }

    /** Produce requests of non-flexible versions, pipelined on one connection: a broker handles them in order. */
    private static final class Connection {
        private final Socket socket;
        private final DataOutputStream out;
        private final DataInputStream in;
        private final short version;
        private final ArrayDeque<Integer> inFlight = new ArrayDeque<>();
        private int correlation = 0;

        Connection(Node node, int magic, boolean zstd) throws IOException {
            socket = new Socket(node.host(), node.port());
            socket.setTcpNoDelay(true);
            socket.setSoTimeout(60_000);
            out = new DataOutputStream(new BufferedOutputStream(socket.getOutputStream(), 1 << 16));
            in = new DataInputStream(new BufferedInputStream(socket.getInputStream(), 1 << 14));
            version = (short) (zstd ? 7 : magic == 2 ? 3 : magic == 1 ? 2 : 1);
        }

        void produce(String topic, Map<Integer, ByteBuffer> batches) throws IOException {
            if (inFlight.size() >= IN_FLIGHT) {
                check();
            }
            write(topic, batches);
        }

        private void write(String topic, Map<Integer, ByteBuffer> batches) throws IOException {
            byte[] name = topic.getBytes(StandardCharsets.UTF_8);
            byte[] client = "load".getBytes(StandardCharsets.UTF_8);
            int size = 2 + 2 + 4 + 2 + client.length + (version >= 3 ? 2 : 0) + 2 + 4 + 4 + 2 + name.length + 4;
            for (ByteBuffer batch : batches.values()) {
                size += 8 + batch.remaining();
            }
            out.writeInt(size);
            out.writeShort(0);
            out.writeShort(version);
            out.writeInt(++correlation);
            out.writeShort(client.length);
            out.write(client);
            if (version >= 3) {
                out.writeShort(-1);
            }
            out.writeShort(-1);
            out.writeInt(30_000);
            out.writeInt(1);
            out.writeShort(name.length);
            out.write(name);
            out.writeInt(batches.size());
            for (Map.Entry<Integer, ByteBuffer> entry : batches.entrySet()) {
                ByteBuffer batch = entry.getValue();
                out.writeInt(entry.getKey());
                out.writeInt(batch.remaining());
                out.write(batch.array(), batch.arrayOffset() + batch.position(), batch.remaining());
            }
            out.flush();
            inFlight.add(correlation);
        }

        private void check() throws IOException {
            short error = readResponse();
            if (error != 0) {
                throw new IOException("produce: error " + error);
            }
        }

        /** The first error in the oldest response, or 0. */
        private short readResponse() throws IOException {
            byte[] body = new byte[in.readInt()];
            in.readFully(body);
            ByteBuffer reply = ByteBuffer.wrap(body);
            if (reply.getInt() != inFlight.remove()) {
                throw new IOException("produce: the broker answered another request");
            }
            short first = 0;
            for (int topics = reply.getInt(); topics > 0; topics--) {
                reply.position(reply.position() + 2 + reply.getShort(reply.position()));
                for (int count = reply.getInt(); count > 0; count--) {
                    reply.getInt();
                    short error = reply.getShort();
                    first = first == 0 ? error : first;
                    reply.position(reply.position() + 8 + (version >= 2 ? 8 : 0) + (version >= 5 ? 8 : 0));
                }
            }
            return first;
        }

        void close() throws IOException {
            while (!inFlight.isEmpty()) {
                check();
            }
            socket.close();
        }
    }

    // --- With transactions ---

    /** A record that waits for the end of its transaction to be counted, in log order. */
    private record Sent(Transaction transaction, int crc) {}

    private static final class Transaction {
        boolean committed;
    }

    private final class Writer {
        final KafkaProducer<byte[], byte[]> producer;
        Transaction current;
        int left; // records until it ends

        Writer(String id, int timeoutMs) {
            Properties properties = new Properties();
            properties.put("bootstrap.servers", options.get("bootstrap"));
            properties.put("transactional.id", "load-" + topic + "-" + id);
            properties.put("transaction.timeout.ms", timeoutMs);
            properties.put("compression.type", options.get("compression"));
            properties.put("batch.size", options.get("batch-bytes"));
            properties.put("linger.ms", 1000);
            properties.put("retry.backoff.ms", 5); // the markers of the last transaction are still being written
            properties.put("retry.backoff.max.ms", 20);
            properties.put("key.serializer", ByteArraySerializer.class.getName());
            properties.put("value.serializer", ByteArraySerializer.class.getName());
            producer = new KafkaProducer<>(properties);
            producer.initTransactions();
        }
    }

    private long aborted = 0;
    private long open = 0;
    private long transactions = 0;

    private void runTransactions() throws Exception {
        readShape();
        SplittableRandom random = new SplittableRandom(longNumber("seed"));
        String[] range = options.get("transactions").split("-");
        int fewest = Integer.parseInt(range[0]);
        int most = Integer.parseInt(range[range.length - 1]);
        List<Writer> writers = new ArrayList<>();
        for (int i = 0; i < number("producers"); i++) {
            writers.add(new Writer(String.valueOf(i), 60_000));
        }
        List<List<Sent>> sent = new ArrayList<>();
        for (int i = 0; i < partitions; i++) {
            sent.add(new ArrayList<>());
        }
        long total = Arrays.stream(counts).sum();
        long openAt = number("open") > 0 ? total / 2 : -1;
        long done = 0;
        while (done < total) {
            if (openAt >= 0 && done >= openAt) {
                done += sendChunk(new Writer("open", number("open-timeout-ms")), number("open"), random, sent);
                open = number("open");
                openAt = -1;
            }
            Writer writer = writers.get(random.nextInt(writers.size()));
            if (writer.current == null) {
                writer.left = Math.max(1, fewest == most ? most : random.nextInt(fewest, most + 1));
            }
            int chunk = Math.min(writer.left, 1 + random.nextInt(Math.max(1, writer.left)));
            done += sendChunk(writer, chunk, random, sent);
            if (writer.left <= 0 || done >= total) {
                end(writer, random.nextInt(100) >= number("abort-percent"));
            }
        }
        for (Writer writer : writers) {
            if (writer.current != null) {
                end(writer, true);
            }
            writer.producer.close();
        }
        for (int i = 0; i < partitions; i++) {
            for (Sent one : sent.get(i)) {
                if (one.transaction.committed) {
                    states[i].note(one.crc);
                } else {
                    aborted++;
                }
            }
        }
        aborted -= open;
    }

    private long sendChunk(Writer writer, int count, SplittableRandom random, List<List<Sent>> sent) throws Exception {
        if (writer.current == null) {
            writer.producer.beginTransaction();
            writer.current = new Transaction();
            transactions++;
        }
        List<Future<RecordMetadata>> futures = new ArrayList<>();
        int from = random.nextInt(partitions);
        for (int i = 0; i < count; i++) {
            Partition partition = null;
            for (int tries = 0; tries < partitions && partition == null; tries++) {
                Partition candidate = states[(from + i + tries) % partitions];
                partition = candidate.more() ? candidate : null;
            }
            if (partition == null) {
                break;
            }
            Item item = partition.make();
            sent.get(partition.number).add(new Sent(writer.current, partition.crcOf(item)));
            futures.add(writer.producer.send(new ProducerRecord<>(topic, partition.number, item.timestamp, item.key, item.value,
                    Arrays.asList(item.headers))));
        }
        writer.producer.flush();
        for (Future<RecordMetadata> future : futures) {
            future.get();
        }
        writer.left -= futures.size();
        return futures.size();
    }

    private void end(Writer writer, boolean commit) {
        writer.current.committed = commit;
        if (commit) {
            writer.producer.commitTransaction();
        } else {
            writer.producer.abortTransaction();
        }
        writer.current = null;
    }

    /** A new producer with its id fences the one that left its transaction open, and aborts it. */
    private void endOpen() {
        new Writer("open", number("open-timeout-ms")).producer.close();
    }

    // --- The result ---

    private String summary(double seconds) {
        CRC32C all = new CRC32C();
        long records = 0;
        List<String> perPartition = new ArrayList<>();
        for (Partition state : states) {
            ByteBuffer digest = ByteBuffer.allocate(8).putLong(state.digest.getValue());
            digest.flip();
            all.update(digest);
            records += state.visible;
            perPartition.add(String.format("{\"partition\":%d,\"records\":%d,\"digest\":\"%08x\"}", state.number, state.visible,
                    state.digest.getValue()));
        }
        return String.format("{\"topic\":\"%s\",\"records\":%d,\"aborted\":%d,\"open\":%d,\"transactions\":%d,\"seconds\":%.2f,"
                + "\"digest\":\"%08x\",\"partitions\":[%s]}", topic, records, aborted, open, transactions, seconds, all.getValue(),
                String.join(",", perPartition));
    }
}
