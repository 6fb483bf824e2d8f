// SPDX-License-Identifier: Apache-2.0
// Prints every config entry of broker 1, of the cluster default and of a topic as Apache Kafka describes it, a line
// each: resource, name, value, source, type, read-only, sensitive, synonyms. Used by config.sh.
//   java DescribeConfigs BOOTSTRAP [topic:key=value | broker:key=value | cluster:key=value]...
import java.util.*;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.common.config.ConfigResource;

public class DescribeConfigs {
    static final String TOPIC = "config-oracle";

    static ConfigResource resource(String kind) {
        return switch (kind) {
            case "topic" -> new ConfigResource(ConfigResource.Type.TOPIC, TOPIC);
            case "broker" -> new ConfigResource(ConfigResource.Type.BROKER, "1");
            default -> new ConfigResource(ConfigResource.Type.BROKER, "");
        };
    }

    static String text(String value) {
        return value == null ? "<null>" : value;
    }

    static void print(String kind, Config config) {
        for (ConfigEntry e : config.entries()) {
            String synonyms = e.synonyms().stream()
                .map(s -> s.source() + ":" + s.name() + "=" + text(s.value())).collect(Collectors.joining(";"));
            System.out.println(String.join("\t", kind, e.name(), text(e.value()), e.source().toString(),
                e.type().toString(), e.isReadOnly() ? "ro" : "rw", e.isSensitive() ? "sensitive" : "plain", synonyms));
        }
    }

    public static void main(String[] args) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", args[0]))) {
            admin.createTopics(List.of(new NewTopic(TOPIC, 1, (short) 1))).all().get();
            Map<ConfigResource, Collection<AlterConfigOp>> changes = new HashMap<>();
            for (String arg : Arrays.asList(args).subList(1, args.length)) {
                String kind = arg.substring(0, arg.indexOf(':'));
                String[] pair = arg.substring(kind.length() + 1).split("=", 2);
                changes.computeIfAbsent(resource(kind), r -> new ArrayList<>())
                    .add(new AlterConfigOp(new ConfigEntry(pair[0], pair[1]), AlterConfigOp.OpType.SET));
            }
            if (!changes.isEmpty()) admin.incrementalAlterConfigs(changes).all().get();
            Thread.sleep(1500); // the broker applies dynamic values from its metadata log
            List<String> kinds = List.of("topic", "broker", "cluster");
            Map<ConfigResource, Config> all = admin.describeConfigs(kinds.stream().map(DescribeConfigs::resource).toList(),
                new DescribeConfigsOptions().includeSynonyms(true)).all().get();
            for (String kind : kinds) print(kind, all.get(resource(kind)));
            admin.deleteTopics(List.of(TOPIC)).all().get();
        }
    }
}
