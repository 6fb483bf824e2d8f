// SPDX-License-Identifier: Apache-2.0
// What Java's client-side assignors make of random groups, as text that src/client/assignor_test.c compares with ours.
//   AssignorOracle SEED CASES      one line per case and assignor
//
//   NAME TOPICS MEMBER...          separated by blanks
//   TOPICS   t:count,...           a topic without partitions is unknown
//   MEMBER   id/instance/topics/owned/generation/subscriptionGeneration/assigned
//            "-" = none; topics "a,b"; owned and assigned "a:0.1.2,b:3"; both generations as numbers
//
//   AssignorOracle bytes           subscriptions and assignments: KIND HEX
// Cases are made in rounds: each starts from what the round before handed out, with members and topics that come and go,
// subscriptions that change and members that missed a generation.
import java.nio.ByteBuffer;
import java.util.*;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.*;
import org.apache.kafka.clients.consumer.internals.*;
import org.apache.kafka.common.TopicPartition;

public class AssignorOracle {
    static final Random random = new Random();

    static final class Member {
        String id, instance;
        List<String> topics = new ArrayList<>();
        List<TopicPartition> owned = new ArrayList<>();
        int generation = -1;
    }

    static AbstractPartitionAssignor make(String name) {
        switch (name) {
            case "range": return new RangeAssignor();
            case "roundrobin": return new RoundRobinAssignor();
            case "sticky": return new StickyAssignor();
            default: return new CooperativeStickyAssignor();
        }
    }

    static String list(Collection<TopicPartition> partitions) {
        if (partitions.isEmpty()) return "-";
        TreeMap<String, TreeSet<Integer>> byTopic = new TreeMap<>();
        for (TopicPartition p : partitions) byTopic.computeIfAbsent(p.topic(), t -> new TreeSet<>()).add(p.partition());
        return byTopic.entrySet().stream()
            .map(e -> e.getKey() + ":" + e.getValue().stream().map(String::valueOf).collect(Collectors.joining(".")))
            .collect(Collectors.joining(","));
    }

    // As the sticky assignor's user data reaches the leader: through its own bytes.
    static ByteBuffer userData(String name, Member m) {
        if (m.generation < 0) return null;
        ConsumerGroupMetadata metadata = new ConsumerGroupMetadata("g", m.generation, m.id, Optional.empty());
        if (name.equals("sticky")) {
            StickyAssignor a = new StickyAssignor();
            a.onAssignment(new Assignment(m.owned), metadata);
            return a.subscriptionUserData(new HashSet<>(m.topics));
        }
        if (name.equals("cooperative-sticky")) {
            CooperativeStickyAssignor a = new CooperativeStickyAssignor();
            a.onAssignment(new Assignment(m.owned), metadata);
            return a.subscriptionUserData(new HashSet<>(m.topics));
        }
        return null;
    }

    static Map<String, List<TopicPartition>> assign(String name, Map<String, Integer> topics, List<Member> members, StringBuilder line) {
        Map<String, Subscription> subscriptions = new HashMap<>();
        for (Member m : members) {
            boolean keeps = !name.equals("sticky");
            Subscription s = new Subscription(m.topics, userData(name, m), keeps ? m.owned : Collections.emptyList(), m.generation, Optional.empty());
            if (m.instance != null) s.setGroupInstanceId(Optional.of(m.instance));
            subscriptions.put(m.id, s);
        }
        Map<String, Integer> known = new HashMap<>();
        for (Map.Entry<String, Integer> t : topics.entrySet()) {
            boolean wanted = members.stream().anyMatch(m -> m.topics.contains(t.getKey()));
            if (t.getValue() > 0 && wanted) known.put(t.getKey(), t.getValue());
        }
        Map<String, List<TopicPartition>> result = make(name).assign(known, subscriptions);
        line.append(name).append(' ').append(topics.isEmpty() ? "-" : topics.entrySet().stream()
            .map(t -> t.getKey() + ":" + t.getValue()).collect(Collectors.joining(",")));
        for (Member m : members) {
            line.append(' ').append(m.id).append('/').append(m.instance == null ? "-" : m.instance).append('/')
                .append(m.topics.isEmpty() ? "-" : String.join(",", m.topics)).append('/').append(list(m.owned)).append('/')
                .append(m.generation).append('/').append(m.generation).append('/').append(list(result.get(m.id)));
        }
        return result;
    }

    static Member newMember(int serial, List<String> topics, boolean alike) {
        Member m = new Member();
        m.id = "consumer-" + Integer.toString(random.nextInt(1000000), 36) + "-" + serial;
        if (random.nextInt(6) == 0) m.instance = "i" + random.nextInt(100000);
        subscribe(m, topics, alike);
        return m;
    }

    static void subscribe(Member m, List<String> topics, boolean alike) {
        m.topics.clear();
        for (String t : topics) if (alike || random.nextInt(3) > 0) m.topics.add(t);
    }

    static void rounds(String name, int count) {
        boolean alike = random.nextInt(2) == 0;
        TreeMap<String, Integer> topics = new TreeMap<>();
        int topicCount = 1 + random.nextInt(5);
        for (int i = 0; i < topicCount; i++) topics.put("t" + Integer.toString(random.nextInt(1296), 36) + i, random.nextInt(random.nextInt(8) == 0 ? 40 : 10));
        List<String> names = new ArrayList<>(topics.keySet());
        List<Member> members = new ArrayList<>();
        int serial = 0, size = 1 + random.nextInt(random.nextInt(6) == 0 ? 30 : 7);
        while (members.size() < size) members.add(newMember(serial++, names, alike));
        for (int generation = 1; generation <= count; generation++) {
            StringBuilder line = new StringBuilder();
            Map<String, List<TopicPartition>> result;
            try {
                result = assign(name, topics, members, line);
            } catch (NullPointerException e) {
                return; // Java's sticky assignor on a former owner that takes no part in moves
            }
            System.out.println(line);
            for (Member m : members) {
                if (random.nextInt(10) == 0) continue; // missed it
                m.owned = new ArrayList<>(result.get(m.id));
                m.generation = generation;
            }
            int change = random.nextInt(6);
            if (change <= 1 || members.size() < 2) members.add(newMember(serial++, names, alike));
            if (change >= 1 && change <= 2 && members.size() > 1) members.remove(random.nextInt(members.size()));
            if (change == 3) topics.computeIfPresent(names.get(random.nextInt(names.size())), (t, n) -> n + random.nextInt(4));
            if (change == 4) {
                String t = "u" + Integer.toString(random.nextInt(46656), 36);
                topics.put(t, random.nextInt(9));
                names = new ArrayList<>(topics.keySet());
                for (Member m : members) if ((alike || random.nextBoolean()) && !m.topics.contains(t)) m.topics.add(t);
            }
            if (change == 5) for (Member m : members) subscribe(m, names, alike);
            if (random.nextInt(12) == 0) { // claims what is another's
                Member a = members.get(random.nextInt(members.size())), b = members.get(random.nextInt(members.size()));
                if (a != b && !b.owned.isEmpty() && !a.owned.contains(b.owned.get(0))) a.owned.add(b.owned.get(0));
            }
        }
    }

    static String hex(ByteBuffer b) {
        StringBuilder out = new StringBuilder();
        for (ByteBuffer d = b.duplicate(); d.hasRemaining(); ) out.append(String.format("%02x", d.get()));
        return out.toString();
    }

    static void bytes() {
        List<TopicPartition> owned = Arrays.asList(new TopicPartition("a", 0), new TopicPartition("a", 3), new TopicPartition("b", 1));
        Member m = new Member();
        m.id = "m";
        m.topics = Arrays.asList("a", "b");
        m.owned = owned;
        for (int generation : new int[] {-1, 7}) {
            m.generation = generation;
            for (String name : new String[] {"range", "sticky", "cooperative-sticky"}) {
                List<TopicPartition> sent = generation < 0 || name.equals("sticky") ? Collections.emptyList() : owned;
                ByteBuffer data = generation < 0 && name.equals("cooperative-sticky") ? new CooperativeStickyAssignor().subscriptionUserData(new HashSet<>(m.topics)) : userData(name, m);
                Optional<String> rack = generation < 0 ? Optional.empty() : Optional.of("r1");
                System.out.println(name + generation + " " + hex(ConsumerProtocol.serializeSubscription(new Subscription(m.topics, data, sent, generation, rack))));
            }
        }
        System.out.println("assignment " + hex(ConsumerProtocol.serializeAssignment(new Assignment(owned))));
        System.out.println("assignment-empty " + hex(ConsumerProtocol.serializeAssignment(new Assignment(Collections.emptyList()))));
    }

    public static void main(String[] args) {
        if (args[0].equals("bytes")) {
            bytes();
            return;
        }
        random.setSeed(Long.parseLong(args[0]));
        String[] names = {"range", "roundrobin", "sticky", "cooperative-sticky", "sticky", "cooperative-sticky"};
        for (int i = 0; i < Integer.parseInt(args[1]); i++) rounds(names[i % names.length], i % 6 < 2 ? 2 : 8);
    }
}
