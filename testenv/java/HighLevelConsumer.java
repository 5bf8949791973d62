import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;

import kafka.consumer.Consumer;
import kafka.consumer.ConsumerConfig;
import kafka.consumer.ConsumerIterator;
import kafka.javaapi.consumer.ConsumerConnector;
import kafka.message.MessageAndMetadata;

/**
 * The JVM consumer of 0.8 to 1.1, which keeps its offsets in ZooKeeper: consumes exactly N records, commits, prints
 * {"consumed", "next": {"t-0": n}} and stays registered until SIGTERM. Compiles with the jars of each of these versions.
 */
public final class HighLevelConsumer {
    private HighLevelConsumer() {}

    public static void main(String[] args) throws Exception {
        Map<String, String> options = new HashMap<>();
        Properties properties = new Properties();
        for (int i = 0; i + 1 < args.length; i += 2) {
            if (args[i].equals("--property")) {
                String[] pair = args[i + 1].split("=", 2);
                properties.put(pair[0], pair[1]);
            } else {
                options.put(args[i].replaceFirst("^--", ""), args[i + 1]);
            }
        }
        for (String needed : new String[] {"zookeeper", "group", "topic", "consume"}) {
            if (!options.containsKey(needed)) {
                System.err.println("usage: HighLevelConsumer --zookeeper H:P/chroot --group G --topic T --consume N"
                        + " [--property KEY=VALUE]...");
                System.exit(2);
            }
        }
        properties.put("zookeeper.connect", options.get("zookeeper"));
        properties.put("group.id", options.get("group"));
        properties.put("auto.offset.reset", "smallest");
        properties.put("auto.commit.enable", "false");
        run(options.get("topic"), Long.parseLong(options.get("consume")), new ConsumerConfig(properties));
    }

    private static void run(String topic, long wanted, ConsumerConfig config) throws Exception {
        ConsumerConnector connector = Consumer.createJavaConsumerConnector(config);
        Runtime.getRuntime().addShutdownHook(new Thread(connector::shutdown));
        Map<String, Integer> streams = new HashMap<>();
        streams.put(topic, 1);
        ConsumerIterator<byte[], byte[]> records = connector.createMessageStreams(streams).get(topic).get(0).iterator();
        Map<String, Long> next = new TreeMap<>();
        for (long consumed = 0; consumed < wanted; consumed++) {
            MessageAndMetadata<byte[], byte[]> record = records.next();
            next.put(record.topic() + "-" + record.partition(), record.offset() + 1);
        }
        connector.commitOffsets();
        List<String> parts = new ArrayList<>();
        next.forEach((partition, offset) -> parts.add("\"" + partition + "\":" + offset));
        System.out.println("{\"consumed\":" + wanted + ",\"next\":{" + String.join(",", parts) + "}}");
        new CountDownLatch(1).await();
    }
}
