// SPDX-License-Identifier: Apache-2.0
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.DescribeClassicGroupsOptions;
import org.apache.kafka.clients.admin.DescribeConsumerGroupsOptions;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsSpec;
import org.apache.kafka.clients.admin.ListGroupsOptions;
import org.apache.kafka.clients.admin.ListShareGroupOffsetsSpec;
import org.apache.kafka.clients.admin.ListStreamsGroupOffsetsSpec;
import org.apache.kafka.clients.admin.MemberToRemove;
import org.apache.kafka.clients.admin.RemoveMembersFromConsumerGroupOptions;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.GroupType;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;

/** Groups of every kind and their offsets. Works on topic one, which TopicMethods left with five partitions. */
final class GroupMethods {
    private final AllMethods all;
    private final Admin admin;
    private final TopicPartition zero = new TopicPartition("one", 0);

    GroupMethods(AllMethods all) {
        this.all = all;
        this.admin = all.admin;
    }

    private KafkaConsumer<String, String> member(String instance) {
        Map<String, Object> config = new HashMap<>(Map.of("bootstrap.servers", all.bootstrap, "group.id", "g", "client.id", "member",
            "enable.auto.commit", "false", "auto.offset.reset", "earliest", "group.protocol", "classic"));
        if (instance != null) {
            config.put("group.instance.id", instance);
        }
        KafkaConsumer<String, String> consumer = new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer());
        consumer.subscribe(List.of("one"));
        for (int i = 0; i < 500 && consumer.assignment().isEmpty(); i++) {
            consumer.poll(Duration.ofMillis(50));
        }
        return consumer;
    }

    private void list(String what, ListGroupsOptions options) {
        all.show("listGroups", what, () -> Set.copyOf(admin.listGroups(options).all().get()));
    }

    private void describe(String what) {
        all.show("describeConsumerGroups", what, () -> admin.describeConsumerGroups(List.of("g"),
            new DescribeConsumerGroupsOptions().includeAuthorizedOperations(true)).all());
        all.show("describeClassicGroups", what, () -> admin.describeClassicGroups(List.of("g"),
            new DescribeClassicGroupsOptions().includeAuthorizedOperations(true)).all());
    }

    private void offsets(String what) {
        all.show("listConsumerGroupOffsets", what, () -> admin.listConsumerGroupOffsets("g").all());
    }

    @SuppressWarnings("removal")
    private void classic() {
        try (KafkaConsumer<String, String> member = member(null)) {
            member.commitSync(Map.of(zero, new OffsetAndMetadata(6, "six"), new TopicPartition("one", 1), new OffsetAndMetadata(2)));
            list("all", new ListGroupsOptions());
            list("stable", new ListGroupsOptions().inGroupStates(Set.of(GroupState.STABLE)));
            list("empty", new ListGroupsOptions().inGroupStates(Set.of(GroupState.EMPTY)));
            list("of the classic type", new ListGroupsOptions().withTypes(Set.of(GroupType.CLASSIC)));
            list("of type share", new ListGroupsOptions().withTypes(Set.of(GroupType.SHARE)));
            list("consumers", ListGroupsOptions.forConsumerGroups());
            all.show("listConsumerGroups", "all", () -> Set.copyOf(admin.listConsumerGroups().all().get()));
            describe("with a member");
            offsets("with a member");
            all.show("alterConsumerGroupOffsets", "with a member", () -> admin.alterConsumerGroupOffsets("g", Map.of(zero, new OffsetAndMetadata(1))).all());
            all.show("deleteConsumerGroupOffsets", "with a member", () -> admin.deleteConsumerGroupOffsets("g", Set.of(zero)).all());
            all.show("deleteConsumerGroups", "with a member", () -> admin.deleteConsumerGroups(List.of("g")).all());
            all.show("removeMembersFromConsumerGroup", "unknown instance", () -> admin.removeMembersFromConsumerGroup("g",
                new RemoveMembersFromConsumerGroupOptions(List.of(new MemberToRemove("nobody")))).all());
        }
        KafkaConsumer<String, String> fixed = member("fixed");
        describe("with a static member");
        all.show("removeMembersFromConsumerGroup", "the static member", () -> admin.removeMembersFromConsumerGroup("g",
            new RemoveMembersFromConsumerGroupOptions(List.of(new MemberToRemove("fixed")))).all());
        fixed.close();
        describe("empty");
        all.show("removeMembersFromConsumerGroup", "all of none", () -> admin.removeMembersFromConsumerGroup("g",
            new RemoveMembersFromConsumerGroupOptions()).all());
        all.show("alterConsumerGroupOffsets", "empty", () -> admin.alterConsumerGroupOffsets("g", Map.of(zero, new OffsetAndMetadata(1, "moved"))).all());
        all.show("alterConsumerGroupOffsets", "unknown partition",
            () -> admin.alterConsumerGroupOffsets("g", Map.of(new TopicPartition("absent", 0), new OffsetAndMetadata(1))).all());
        all.show("alterConsumerGroupOffsets", "a new group", () -> admin.alterConsumerGroupOffsets("h", Map.of(zero, new OffsetAndMetadata(1))).all());
        offsets("moved");
        all.show("listConsumerGroupOffsets", "of two groups", () -> admin.listConsumerGroupOffsets(Map.of("g", new ListConsumerGroupOffsetsSpec(),
            "h", new ListConsumerGroupOffsetsSpec().topicPartitions(List.of(zero)))).all());
        all.show("listConsumerGroupOffsets", "of no group", () -> admin.listConsumerGroupOffsets("absent").all());
        all.show("deleteConsumerGroupOffsets", "empty", () -> admin.deleteConsumerGroupOffsets("g", Set.of(zero)).all());
        all.show("deleteConsumerGroupOffsets", "of no group", () -> admin.deleteConsumerGroupOffsets("absent", Set.of(zero)).all());
        offsets("deleted");
        all.show("describeConsumerGroups", "no group", () -> admin.describeConsumerGroups(List.of("absent")).all());
        all.show("describeClassicGroups", "no group", () -> admin.describeClassicGroups(List.of("absent")).all());
        all.show("deleteConsumerGroups", "empty", () -> admin.deleteConsumerGroups(List.of("g", "h")).all());
        all.show("deleteConsumerGroups", "no group", () -> admin.deleteConsumerGroups(List.of("absent")).all());
        list("nothing left", new ListGroupsOptions());
    }

    private void share() {
        all.show("describeShareGroups", "no group", () -> admin.describeShareGroups(List.of("absent")).all());
        all.show("alterShareGroupOffsets", "a new group", () -> admin.alterShareGroupOffsets("s", Map.of(zero, 1L)).all());
        all.show("listShareGroupOffsets", "of no group", () -> admin.listShareGroupOffsets(Map.of("absent", new ListShareGroupOffsetsSpec())).all());
        all.show("deleteShareGroupOffsets", "of no group", () -> admin.deleteShareGroupOffsets("absent", Set.of("one")).all());
        all.show("deleteShareGroups", "no group", () -> admin.deleteShareGroups(List.of("absent")).all());
    }

    private void streams() {
        all.show("describeStreamsGroups", "no group", () -> admin.describeStreamsGroups(List.of("absent")).all());
        all.show("alterStreamsGroupOffsets", "a new group", () -> admin.alterStreamsGroupOffsets("t", Map.of(zero, new OffsetAndMetadata(1))).all());
        all.show("listStreamsGroupOffsets", "of no group", () -> admin.listStreamsGroupOffsets(Map.of("absent", new ListStreamsGroupOffsetsSpec())).all());
        all.show("deleteStreamsGroupOffsets", "of no group", () -> admin.deleteStreamsGroupOffsets("absent", Set.of(zero)).all());
        all.show("deleteStreamsGroups", "no group", () -> admin.deleteStreamsGroups(List.of("absent")).all());
    }

    void call() {
        classic();
        share();
        streams();
    }
}
