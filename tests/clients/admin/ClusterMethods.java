// SPDX-License-Identifier: Apache-2.0
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.AbortTransactionSpec;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.DescribeClusterOptions;
import org.apache.kafka.clients.admin.DescribeTransactionsOptions;
import org.apache.kafka.clients.admin.FeatureUpdate;
import org.apache.kafka.clients.admin.FenceProducersOptions;
import org.apache.kafka.clients.admin.RaftVoterEndpoint;
import org.apache.kafka.clients.admin.ScramCredentialInfo;
import org.apache.kafka.clients.admin.ScramMechanism;
import org.apache.kafka.clients.admin.TerminateTransactionOptions;
import org.apache.kafka.clients.admin.UpdateFeaturesOptions;
import org.apache.kafka.clients.admin.UserScramCredentialDeletion;
import org.apache.kafka.clients.admin.UserScramCredentialUpsertion;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.metrics.KafkaMetric;
import org.apache.kafka.common.quota.ClientQuotaAlteration;
import org.apache.kafka.common.quota.ClientQuotaEntity;
import org.apache.kafka.common.quota.ClientQuotaFilter;
import org.apache.kafka.common.quota.ClientQuotaFilterComponent;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;

/** The cluster, its features and quorum, quotas, transactions and security. */
final class ClusterMethods {
    private final AllMethods all;
    private final Admin admin;

    ClusterMethods(AllMethods all) {
        this.all = all;
        this.admin = all.admin;
    }

    private void cluster() {
        DescribeClusterOptions options = new DescribeClusterOptions().includeAuthorizedOperations(true).timeoutMs(10000);
        all.show("describeCluster", "all", () -> {
            var d = admin.describeCluster(options);
            return Arrays.asList(d.nodes().get(), d.controller().get(), !d.clusterId().get().isEmpty(), d.authorizedOperations().get());
        });
        all.show("describeCluster", "with fenced brokers", () -> admin.describeCluster(new DescribeClusterOptions().includeFencedBrokers(true)).nodes());
        all.show("unregisterBroker", "unknown", () -> admin.unregisterBroker(99).all());
        all.show("describeMetadataQuorum", "all", () -> {
            var q = admin.describeMetadataQuorum().quorumInfo().get();
            return List.of(q.leaderId(), q.leaderEpoch() > 0, q.highWatermark() > 0,
                q.voters().stream().map(v -> List.of(v.replicaId(), v.logEndOffset() > 0, !v.replicaDirectoryId().equals(Uuid.ZERO_UUID),
                    v.lastFetchTimestamp().isPresent(), v.lastCaughtUpTimestamp().isPresent())).collect(Collectors.toList()),
                q.observers(), q.nodes().size());
        });
        all.show("addRaftVoter", "one more", () -> admin.addRaftVoter(2, new Uuid(3, 4), Set.of(new RaftVoterEndpoint("CONTROLLER", "127.0.0.1", 1))).all());
        all.show("removeRaftVoter", "unknown", () -> admin.removeRaftVoter(2, new Uuid(3, 4)).all());
        all.show("describeFeatures", "finalized", () -> admin.describeFeatures().featureMetadata().get().finalizedFeatures());
        all.show("describeFeatures", "supported", () -> admin.describeFeatures().featureMetadata().get().supportedFeatures());
        all.show("describeFeatures", "epoch", () -> admin.describeFeatures().featureMetadata().get().finalizedFeaturesEpoch().isPresent());
        for (Map.Entry<String, Integer> row : List.of(Map.entry("metadata.version", 30), Map.entry("metadata.version", 1), Map.entry("metadata.version", 99),
            Map.entry("no.such.feature", 1))) {
            FeatureUpdate update = new FeatureUpdate(row.getValue().shortValue(), FeatureUpdate.UpgradeType.UPGRADE);
            all.show("updateFeatures", row.toString(),
                () -> admin.updateFeatures(Map.of(row.getKey(), update), new UpdateFeaturesOptions().validateOnly(true)).all());
        }
    }

    private void quotas() throws InterruptedException {
        ClientQuotaEntity app = new ClientQuotaEntity(Map.of(ClientQuotaEntity.CLIENT_ID, "app"));
        ClientQuotaFilter every = ClientQuotaFilter.all();
        ClientQuotaFilter one = ClientQuotaFilter.containsOnly(List.of(ClientQuotaFilterComponent.ofEntity(ClientQuotaEntity.CLIENT_ID, "app")));
        all.show("describeClientQuotas", "none", () -> admin.describeClientQuotas(every).entities());
        all.show("alterClientQuotas", "set", () -> admin.alterClientQuotas(List.of(new ClientQuotaAlteration(app,
            List.of(new ClientQuotaAlteration.Op("producer_byte_rate", 1048576.0))))).all());
        all.await("describeClientQuotas", "one", t -> t.contains("1048576"), () -> admin.describeClientQuotas(one).entities());
        all.show("alterClientQuotas", "unknown key", () -> admin.alterClientQuotas(List.of(new ClientQuotaAlteration(app,
            List.of(new ClientQuotaAlteration.Op("no_such_rate", 1.0))))).all());
        all.show("alterClientQuotas", "unknown entity", () -> admin.alterClientQuotas(List.of(new ClientQuotaAlteration(
            new ClientQuotaEntity(Map.of("planet", "mars")), List.of(new ClientQuotaAlteration.Op("producer_byte_rate", 1.0))))).all());
        all.show("alterClientQuotas", "remove", () -> admin.alterClientQuotas(List.of(new ClientQuotaAlteration(app,
            List.of(new ClientQuotaAlteration.Op("producer_byte_rate", null))))).all());
        all.await("describeClientQuotas", "removed", "{}"::equals, () -> admin.describeClientQuotas(every).entities());
    }

    private void security() throws InterruptedException {
        AclBinding acl = new AclBinding(new ResourcePattern(ResourceType.TOPIC, "one", PatternType.LITERAL),
            new AccessControlEntry("User:a", "*", AclOperation.READ, AclPermissionType.ALLOW));
        all.show("describeAcls", "all", () -> admin.describeAcls(AclBindingFilter.ANY).values());
        all.show("createAcls", "one", () -> admin.createAcls(List.of(acl)).all());
        all.show("deleteAcls", "all", () -> admin.deleteAcls(List.of(AclBindingFilter.ANY)).all());
        byte[] hmac = "hmac".getBytes(StandardCharsets.UTF_8);
        all.show("createDelegationToken", "mine", () -> admin.createDelegationToken().delegationToken());
        all.show("renewDelegationToken", "no token", () -> admin.renewDelegationToken(hmac).expiryTimestamp());
        all.show("expireDelegationToken", "no token", () -> admin.expireDelegationToken(hmac).expiryTimestamp());
        all.show("describeDelegationToken", "all", () -> admin.describeDelegationToken().delegationTokens());
        ScramCredentialInfo info = new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096);
        all.show("describeUserScramCredentials", "all", () -> admin.describeUserScramCredentials().all());
        all.show("describeUserScramCredentials", "unknown", () -> admin.describeUserScramCredentials(List.of("nobody")).all());
        all.show("alterUserScramCredentials", "delete nothing",
            () -> admin.alterUserScramCredentials(List.of(new UserScramCredentialDeletion("nobody", ScramMechanism.SCRAM_SHA_256))).all());
        all.show("alterUserScramCredentials", "set", () -> admin.alterUserScramCredentials(List.of(new UserScramCredentialUpsertion("a", info, "secret"))).all());
    }

    /** Where there are no transactions yet, the client asks for their coordinator until it gives up: not for long. */
    private void transactions() {
        int patienceMs = 5000;
        TopicPartition zero = new TopicPartition("one", 0);
        all.show("describeTransactions", "unknown", () -> admin.describeTransactions(List.of("absent"),
            new DescribeTransactionsOptions().timeoutMs(patienceMs)).all());
        all.show("listTransactions", "all", () -> admin.listTransactions().all());
        all.show("abortTransaction", "none open", () -> admin.abortTransaction(new AbortTransactionSpec(zero, 4711, (short) 0, 0)).all());
        all.show("fenceProducers", "unknown", () -> {
            var answer = admin.fenceProducers(List.of("absent"), new FenceProducersOptions().timeoutMs(patienceMs));
            return List.of(answer.producerId("absent").get() >= 0, answer.epochId("absent").get());
        });
        all.show("forceTerminateTransaction", "unknown", () -> admin.forceTerminateTransaction("never",
            new TerminateTransactionOptions().timeoutMs(patienceMs)).result());
    }

    private void client() {
        all.show("clientInstanceId", "mine", () -> !admin.clientInstanceId(Duration.ofSeconds(10)).equals(Uuid.ZERO_UUID));
        all.show("metrics", "some", () -> admin.metrics().size() > 10);
        KafkaMetric metric = (KafkaMetric) admin.metrics().values().iterator().next();
        all.show("registerMetricForSubscription", "one", () -> {
            admin.registerMetricForSubscription(metric);
            return "registered";
        });
        all.show("unregisterMetricFromSubscription", "one", () -> {
            admin.unregisterMetricFromSubscription(metric);
            return "unregistered";
        });
        listMetrics();
    }

    @SuppressWarnings("removal")
    private void listMetrics() {
        all.show("listClientMetricsResources", "all", () -> admin.listClientMetricsResources().all());
    }

    void call() throws InterruptedException {
        cluster();
        quotas();
        security();
        transactions();
        client();
    }
}
