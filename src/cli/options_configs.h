// SPDX-License-Identifier: Apache-2.0
// The options of kafka-configs.sh, in the order and words of its --help (Kafka 4.3.1).
#ifndef ODRADEK_CLI_OPTIONS_CONFIGS_H
#define ODRADEK_CLI_OPTIONS_CONFIGS_H

#include "cli/jopt.h"

enum {
    CONFIGS_ADD_CONFIG,
    CONFIGS_ADD_CONFIG_FILE,
    CONFIGS_ALL,
    CONFIGS_ALTER,
    CONFIGS_BOOTSTRAP_CONTROLLER,
    CONFIGS_BOOTSTRAP_SERVER,
    CONFIGS_BROKER,
    CONFIGS_BROKER_DEFAULTS,
    CONFIGS_BROKER_LOGGER,
    CONFIGS_CLIENT,
    CONFIGS_CLIENT_DEFAULTS,
    CONFIGS_CLIENT_METRICS,
    CONFIGS_COMMAND_CONFIG,
    CONFIGS_DELETE_CONFIG,
    CONFIGS_DESCRIBE,
    CONFIGS_ENTITY_DEFAULT,
    CONFIGS_ENTITY_NAME,
    CONFIGS_ENTITY_TYPE,
    CONFIGS_GROUP,
    CONFIGS_HELP,
    CONFIGS_IP,
    CONFIGS_IP_DEFAULTS,
    CONFIGS_TOPIC,
    CONFIGS_USER,
    CONFIGS_USER_DEFAULTS,
    CONFIGS_VERSION,
    CONFIGS_OPTIONS,
};

static const struct jopt_option configs_options[CONFIGS_OPTIONS] = {
    [CONFIGS_ADD_CONFIG] =
        {"add-config", JOPT_STRING, NULL, NULL,
         "Key Value pairs of configs to add. Square brackets can be used to group values which contain commas: "
         "'k1=v1,k2=[v1,v2,v2],k3=v3'. The following is a list of valid configurations: "
         "For entity-type 'topics': \n"
         "\tcleanup.policy\n"
         "\tcompression.gzip.level\n"
         "\tcompression.lz4.level\n"
         "\tcompression.type\n"
         "\tcompression.zstd.level\n"
         "\tdelete.retention.ms\n"
         "\tfile.delete.delay.ms\n"
         "\tflush.messages\n"
         "\tflush.ms\n"
         "\tfollower.replication.throttled.replicas\n"
         "\tindex.interval.bytes\n"
         "\tleader.replication.throttled.replicas\n"
         "\tlocal.retention.bytes\n"
         "\tlocal.retention.ms\n"
         "\tmax.compaction.lag.ms\n"
         "\tmax.message.bytes\n"
         "\tmessage.timestamp.after.max.ms\n"
         "\tmessage.timestamp.before.max.ms\n"
         "\tmessage.timestamp.type\n"
         "\tmin.cleanable.dirty.ratio\n"
         "\tmin.compaction.lag.ms\n"
         "\tmin.insync.replicas\n"
         "\tpreallocate\n"
         "\tremote.log.copy.disable\n"
         "\tremote.log.delete.on.disable\n"
         "\tremote.storage.enable\n"
         "\tretention.bytes\n"
         "\tretention.ms\n"
         "\tsegment.bytes\n"
         "\tsegment.index.bytes\n"
         "\tsegment.jitter.ms\n"
         "\tsegment.ms\n"
         "\tunclean.leader.election.enable\n"
         "For entity-type 'brokers': \n"
         "\tbackground.threads\n"
         "\tcompression.gzip.level\n"
         "\tcompression.lz4.level\n"
         "\tcompression.type\n"
         "\tcompression.zstd.level\n"
         "\tconfig.providers\n"
         "\tcordoned.log.dirs\n"
         "\tfollower.fetch.last.tiered.offset.enable\n"
         "\tfollower.replication.throttled.rate\n"
         "\tgroup.consumer.assignment.interval.ms\n"
         "\tgroup.coordinator.cached.buffer.max.bytes\n"
         "\tgroup.share.assignment.interval.ms\n"
         "\tgroup.streams.assignment.interval.ms\n"
         "\tleader.replication.throttled.rate\n"
         "\tlistener.security.protocol.map\n"
         "\tlisteners\n"
         "\tlog.cleaner.backoff.ms\n"
         "\tlog.cleaner.dedupe.buffer.size\n"
         "\tlog.cleaner.delete.retention.ms\n"
         "\tlog.cleaner.io.buffer.load.factor\n"
         "\tlog.cleaner.io.buffer.size\n"
         "\tlog.cleaner.io.max.bytes.per.second\n"
         "\tlog.cleaner.max.compaction.lag.ms\n"
         "\tlog.cleaner.min.cleanable.ratio\n"
         "\tlog.cleaner.min.compaction.lag.ms\n"
         "\tlog.cleaner.threads\n"
         "\tlog.cleanup.policy\n"
         "\tlog.flush.interval.messages\n"
         "\tlog.flush.interval.ms\n"
         "\tlog.index.interval.bytes\n"
         "\tlog.index.size.max.bytes\n"
         "\tlog.local.retention.bytes\n"
         "\tlog.local.retention.ms\n"
         "\tlog.message.timestamp.after.max.ms\n"
         "\tlog.message.timestamp.before.max.ms\n"
         "\tlog.message.timestamp.type\n"
         "\tlog.preallocate\n"
         "\tlog.retention.bytes\n"
         "\tlog.retention.ms\n"
         "\tlog.roll.jitter.ms\n"
         "\tlog.roll.ms\n"
         "\tlog.segment.bytes\n"
         "\tlog.segment.delete.delay.ms\n"
         "\tmax.connection.creation.rate\n"
         "\tmax.connections\n"
         "\tmax.connections.per.ip\n"
         "\tmax.connections.per.ip.overrides\n"
         "\tmessage.max.bytes\n"
         "\tmetric.reporters\n"
         "\tmin.insync.replicas\n"
         "\tnum.io.threads\n"
         "\tnum.network.threads\n"
         "\tnum.recovery.threads.per.data.dir\n"
         "\tnum.replica.fetchers\n"
         "\tprincipal.builder.class\n"
         "\tproducer.id.expiration.ms\n"
         "\tremote.fetch.max.wait.ms\n"
         "\tremote.list.offsets.request.timeout.ms\n"
         "\tremote.log.index.file.cache.total.size.bytes\n"
         "\tremote.log.manager.copier.thread.pool.size\n"
         "\tremote.log.manager.copy.max.bytes.per.second\n"
         "\tremote.log.manager.expiration.thread.pool.size\n"
         "\tremote.log.manager.fetch.max.bytes.per.second\n"
         "\tremote.log.manager.follower.thread.pool.size\n"
         "\tremote.log.reader.threads\n"
         "\treplica.alter.log.dirs.io.max.bytes.per.second\n"
         "\tsasl.enabled.mechanisms\n"
         "\tsasl.jaas.config\n"
         "\tsasl.kerberos.kinit.cmd\n"
         "\tsasl.kerberos.min.time.before.relogin\n"
         "\tsasl.kerberos.principal.to.local.rules\n"
         "\tsasl.kerberos.service.name\n"
         "\tsasl.kerberos.ticket.renew.jitter\n"
         "\tsasl.kerberos.ticket.renew.window.factor\n"
         "\tsasl.login.refresh.buffer.seconds\n"
         "\tsasl.login.refresh.min.period.seconds\n"
         "\tsasl.login.refresh.window.factor\n"
         "\tsasl.login.refresh.window.jitter\n"
         "\tsasl.mechanism.inter.broker.protocol\n"
         "\tshare.coordinator.cached.buffer.max.bytes\n"
         "\tssl.cipher.suites\n"
         "\tssl.client.auth\n"
         "\tssl.enabled.protocols\n"
         "\tssl.endpoint.identification.algorithm\n"
         "\tssl.engine.factory.class\n"
         "\tssl.key.password\n"
         "\tssl.keymanager.algorithm\n"
         "\tssl.keystore.certificate.chain\n"
         "\tssl.keystore.key\n"
         "\tssl.keystore.location\n"
         "\tssl.keystore.password\n"
         "\tssl.keystore.type\n"
         "\tssl.protocol\n"
         "\tssl.provider\n"
         "\tssl.secure.random.implementation\n"
         "\tssl.trustmanager.algorithm\n"
         "\tssl.truststore.certificates\n"
         "\tssl.truststore.location\n"
         "\tssl.truststore.password\n"
         "\tssl.truststore.type\n"
         "\ttransaction.partition.verification.enable\n"
         "\tunclean.leader.election.enable\n"
         "For entity-type 'users': \n"
         "\tSCRAM-SHA-256\n"
         "\tSCRAM-SHA-512\n"
         "\tconsumer_byte_rate\n"
         "\tcontroller_mutation_rate\n"
         "\tproducer_byte_rate\n"
         "\trequest_percentage\n"
         "For entity-type 'clients': \n"
         "\tconsumer_byte_rate\n"
         "\tcontroller_mutation_rate\n"
         "\tproducer_byte_rate\n"
         "\trequest_percentage\n"
         "For entity-type 'ips': \n"
         "\tconnection_creation_rate\n"
         "For entity-type 'client-metrics': \n"
         "\tinterval.ms\n"
         "\tmatch\n"
         "\tmetrics\n"
         "For entity-type 'groups': \n"
         "\tconsumer.assignment.interval.ms\n"
         "\tconsumer.heartbeat.interval.ms\n"
         "\tconsumer.session.timeout.ms\n"
         "\tshare.assignment.interval.ms\n"
         "\tshare.auto.offset.reset\n"
         "\tshare.delivery.count.limit\n"
         "\tshare.heartbeat.interval.ms\n"
         "\tshare.isolation.level\n"
         "\tshare.partition.max.record.locks\n"
         "\tshare.record.lock.duration.ms\n"
         "\tshare.renew.acknowledge.enable\n"
         "\tshare.session.timeout.ms\n"
         "\tstreams.assignment.interval.ms\n"
         "\tstreams.heartbeat.interval.ms\n"
         "\tstreams.initial.rebalance.delay.ms\n"
         "\tstreams.num.standby.replicas\n"
         "\tstreams.session.timeout.ms\n"
         "Entity types 'users' and 'clients' may be specified together to update config for clients of a specific "
         "user."},
    [CONFIGS_ADD_CONFIG_FILE] = {"add-config-file", JOPT_STRING, NULL, NULL,
                                 "Path to a properties file with configs to add. See add-config for a list of valid "
                                 "configurations."},
    [CONFIGS_ALL] = {"all", JOPT_FLAG, NULL, NULL,
                     "List all configs for the given entity, including static configs if available."},
    [CONFIGS_ALTER] = {"alter", JOPT_FLAG, NULL, NULL, "Alter the configuration for the entity."},
    [CONFIGS_BOOTSTRAP_CONTROLLER] = {"bootstrap-controller", JOPT_STRING, "controller to connect to", NULL,
                                      "The Kafka controllers to connect to."},
    [CONFIGS_BOOTSTRAP_SERVER] = {"bootstrap-server", JOPT_STRING, "server to connect to", NULL,
                                  "The Kafka servers to connect to."},
    [CONFIGS_BROKER] = {"broker", JOPT_STRING, NULL, NULL, "The broker's ID."},
    [CONFIGS_BROKER_DEFAULTS] = {"broker-defaults", JOPT_FLAG, NULL, NULL, "The config defaults for all brokers."},
    [CONFIGS_BROKER_LOGGER] = {"broker-logger", JOPT_STRING, NULL, NULL, "The broker's ID for its logger config."},
    [CONFIGS_CLIENT] = {"client", JOPT_STRING, NULL, NULL, "The client's ID."},
    [CONFIGS_CLIENT_DEFAULTS] = {"client-defaults", JOPT_FLAG, NULL, NULL, "The config defaults for all clients."},
    [CONFIGS_CLIENT_METRICS] = {"client-metrics", JOPT_STRING, NULL, NULL, "The client metrics config resource name."},
    [CONFIGS_COMMAND_CONFIG] = {"command-config", JOPT_STRING, "command config property file", NULL,
                                "Property file containing configs to be passed to Admin Client. This is used only with "
                                "--bootstrap-server option for describing and altering broker configs."},
    [CONFIGS_DELETE_CONFIG] = {"delete-config", JOPT_STRING, NULL, NULL, "config keys to remove 'k1,k2'"},
    [CONFIGS_DESCRIBE] = {"describe", JOPT_FLAG, NULL, NULL, "List configs for the given entity."},
    [CONFIGS_ENTITY_DEFAULT] = {"entity-default", JOPT_FLAG, NULL, NULL,
                                "Default entity name for clients/users/brokers/ips (applies to corresponding entity "
                                "type)"},
    [CONFIGS_ENTITY_NAME] =
        {"entity-name", JOPT_STRING, NULL, NULL,
         "Name of entity (topic name/client id/user principal name/broker id/ip/client metrics/group "
         "id)"},
    [CONFIGS_ENTITY_TYPE] = {"entity-type", JOPT_STRING, NULL, NULL,
                             "Type of entity (topics/clients/users/brokers/broker-loggers/ips/client-metrics/groups)"},
    [CONFIGS_GROUP] = {"group", JOPT_STRING, NULL, NULL, "The group's ID."},
    [CONFIGS_HELP] = {"help", JOPT_FLAG, NULL, NULL, "Print usage information."},
    [CONFIGS_IP] = {"ip", JOPT_STRING, NULL, NULL, "The IP address."},
    [CONFIGS_IP_DEFAULTS] = {"ip-defaults", JOPT_FLAG, NULL, NULL, "The config defaults for all IPs."},
    [CONFIGS_TOPIC] = {"topic", JOPT_STRING, NULL, NULL, "The topic's name."},
    [CONFIGS_USER] = {"user", JOPT_STRING, NULL, NULL, "The user's principal name."},
    [CONFIGS_USER_DEFAULTS] = {"user-defaults", JOPT_FLAG, NULL, NULL, "The config defaults for all users."},
    [CONFIGS_VERSION] = {"version", JOPT_FLAG, NULL, NULL, "Display Kafka version."},
};

#endif
