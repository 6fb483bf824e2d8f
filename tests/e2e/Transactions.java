// SPDX-License-Identifier: Apache-2.0
// The Java client with transactions, for transactions.sh; every line it prints is compared.
//   Transactions write BOOTSTRAP        commits, aborts, what belongs to no transaction, and one that stays open (end of process)
//   Transactions read BOOTSTRAP LEVEL   all there is to read at that isolation level
//   Transactions abort BOOTSTRAP        aborts, partition by partition, what is open (WriteTxnMarkers to its leader)
//   Transactions fill BOOTSTRAP         plain records, enough for new segments
//   Transactions trim BOOTSTRAP OFFSET  DeleteRecords
//   Transactions producers BOOTSTRAP    DescribeProducers
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.TreeMap;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.*;

public class Transactions {
    static final String TOPIC = "ledger";
    static final int PARTITIONS = 2;
    static final byte[] VALUE = new byte[8000];

    static List<TopicPartition> partitions() {
        List<TopicPartition> all = new ArrayList<>();
        for (int i = 0; i < PARTITIONS; i++) all.add(new TopicPartition(TOPIC, i));
        return all;
    }

    static KafkaProducer<byte[], byte[]> producer(String bootstrap, String id) {
        Properties p = new Properties();
        p.put("bootstrap.servers", bootstrap);
        p.put("linger.ms", "0");
        if (id != null) {
            p.put("transactional.id", id);
            p.put("transaction.timeout.ms", "800000");
        }
        KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(p, new ByteArraySerializer(), new ByteArraySerializer());
        if (id != null) producer.initTransactions();
        return producer;
    }

    static void send(KafkaProducer<byte[], byte[]> producer, int partition, String key) throws Exception {
        producer.send(new ProducerRecord<>(TOPIC, partition, key.getBytes(), VALUE)).get();
    }

    static void write(String bootstrap) throws Exception {
        try (Admin admin = Admin.create(Map.<String, Object>of("bootstrap.servers", bootstrap))) {
            admin.createTopics(List.of(new NewTopic(TOPIC, PARTITIONS, (short) 1).configs(Map.of("segment.bytes", "1048576")))).all().get();
        }
        KafkaProducer<byte[], byte[]> a = producer(bootstrap, "a"), b = producer(bootstrap, "b"), c = producer(bootstrap, "c"),
            plain = producer(bootstrap, null);
        for (int round = 0; round < 30; round++) {
            a.beginTransaction();
            b.beginTransaction();
            for (int i = 0; i < 3; i++) {
                send(a, i % PARTITIONS, "a" + round + "." + i);
                send(b, 0, "b" + round + "." + i);
                send(plain, 1, "plain" + round + "." + i);
            }
            if (round % 3 == 0) a.commitTransaction();
            else a.abortTransaction();
            send(b, 1, "b" + round + ".late");
            if (round % 2 == 0) b.abortTransaction();
            else b.commitTransaction();
            if (round != 24) continue;
            c.beginTransaction();
            send(c, 0, "open");
            send(c, 1, "open");
        }
        System.out.flush();
        Runtime.getRuntime().halt(0);
    }

    static void read(String bootstrap, String level) {
        Properties p = new Properties();
        p.put("bootstrap.servers", bootstrap);
        p.put("isolation.level", level);
        p.put("fetch.max.wait.ms", "100");
        p.put("max.partition.fetch.bytes", "60000");
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(p, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.assign(partitions());
            consumer.seekToBeginning(partitions());
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions());
            TreeMap<String, String> lines = new TreeMap<>();
            while (ends.entrySet().stream().anyMatch(e -> consumer.position(e.getKey()) < e.getValue())) {
                for (ConsumerRecord<byte[], byte[]> r : consumer.poll(Duration.ofMillis(200)))
                    lines.put(String.format("%d %08d", r.partition(), r.offset()), new String(r.key()) + " " + r.value().length);
            }
            lines.forEach((at, what) -> System.out.println(at + " " + what));
            for (TopicPartition each : partitions()) System.out.println("end " + each + " " + ends.get(each));
        }
    }

    static Map<TopicPartition, List<ProducerState>> producers(Admin admin) throws Exception {
        Map<TopicPartition, List<ProducerState>> found = new java.util.HashMap<>();
        for (TopicPartition each : partitions()) {
            List<ProducerState> states = new ArrayList<>(admin.describeProducers(List.of(each)).partitionResult(each).get().activeProducers());
            states.sort((x, y) -> Long.compare(x.producerId(), y.producerId()));
            found.put(each, states);
        }
        return found;
    }

    static void abort(Admin admin) throws Exception {
        for (Map.Entry<TopicPartition, List<ProducerState>> e : producers(admin).entrySet())
            for (ProducerState s : e.getValue())
                if (s.currentTransactionStartOffset().isPresent())
                    admin.abortTransaction(new AbortTransactionSpec(e.getKey(), s.producerId(), (short) s.producerEpoch(), s.coordinatorEpoch().orElse(0)))
                        .all().get();
    }

    public static void main(String[] args) throws Exception {
        String bootstrap = args[1];
        switch (args[0]) {
            case "write": write(bootstrap); return;
            case "read": read(bootstrap, args[2]); return;
            case "fill":
                try (KafkaProducer<byte[], byte[]> plain = producer(bootstrap, null)) {
                    for (int i = 0; i < 400; i++) plain.send(new ProducerRecord<>(TOPIC, i % PARTITIONS, ("fill" + i).getBytes(), VALUE));
                }
                return;
            default: break;
        }
        try (Admin admin = Admin.create(Map.<String, Object>of("bootstrap.servers", bootstrap))) {
            if (args[0].equals("abort")) abort(admin);
            if (args[0].equals("trim"))
                admin.deleteRecords(Map.of(new TopicPartition(TOPIC, 0), RecordsToDelete.beforeOffset(Long.parseLong(args[2])),
                    new TopicPartition(TOPIC, 1), RecordsToDelete.beforeOffset(Long.parseLong(args[2])))).all().get();
            if (args[0].equals("producers"))
                for (TopicPartition each : partitions())
                    for (ProducerState s : producers(admin).get(each)) System.out.println(each + " " + s);
        }
    }
}
