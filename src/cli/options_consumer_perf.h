// SPDX-License-Identifier: Apache-2.0
// The options of kafka-consumer-perf-test.sh, in the order and words of its --help (Kafka 4.3.1).
#ifndef ODRADEK_CLI_OPTIONS_CONSUMER_PERF_H
#define ODRADEK_CLI_OPTIONS_CONSUMER_PERF_H

#include "cli/jopt.h"

enum {
    CP_BOOTSTRAP_SERVER,
    CP_COMMAND_CONFIG,
    CP_COMMAND_PROPERTY,
    CP_CONSUMER_CONFIG,
    CP_DATE_FORMAT,
    CP_FETCH_SIZE,
    CP_FROM_LATEST,
    CP_GROUP,
    CP_HELP,
    CP_HIDE_HEADER,
    CP_INCLUDE,
    CP_MESSAGES,
    CP_NUM_RECORDS,
    CP_PRINT_METRICS,
    CP_REPORTING_INTERVAL,
    CP_SHOW_DETAILED_STATS,
    CP_SOCKET_BUFFER_SIZE,
    CP_TIMEOUT,
    CP_TOPIC,
    CP_VERSION,
    CP_OPTIONS,
};

static const struct jopt_option consumer_perf_options[CP_OPTIONS] = {
    [CP_BOOTSTRAP_SERVER] = {"bootstrap-server", JOPT_STRING, "server to connect to", NULL,
                             "REQUIRED: The server(s) to connect to."},
    [CP_COMMAND_CONFIG] = {"command-config", JOPT_STRING, "config file", NULL, "Config properties file."},
    [CP_COMMAND_PROPERTY] = {"command-property", JOPT_STRING, "prop1=val1", NULL,
                             "Kafka consumer related configuration properties like client.id. These configs take "
                             "precedence over those passed via --command-config or --consumer.config."},
    [CP_CONSUMER_CONFIG] = {"consumer.config", JOPT_STRING, "config file", NULL,
                            "(DEPRECATED) Consumer config properties file. This option will be removed in a future "
                            "version. Use --command-config instead."},
    [CP_DATE_FORMAT] =
        {"date-format", JOPT_STRING, "date format", "yyyy-MM-dd HH:mm:ss:SSS",
         "The date format to use for formatting the time field. See java.text.SimpleDateFormat for options."},
    [CP_FETCH_SIZE] = {"fetch-size", JOPT_INT, "size", "1048576",
                       "The maximum amount of data to fetch from a single partition per request."},
    [CP_FROM_LATEST] = {"from-latest", JOPT_FLAG, NULL, NULL,
                        "If the consumer does not already have an established offset to consume from, start with the "
                        "latest record present in the log rather than the earliest record."},
    [CP_GROUP] = {"group", JOPT_STRING, "gid", "perf-consumer-N", "The group id to consume on."},
    [CP_HELP] = {"help", JOPT_FLAG, NULL, NULL, "Print usage information."},
    [CP_HIDE_HEADER] = {"hide-header", JOPT_FLAG, NULL, NULL, "If set, skips printing the header for the stats."},
    [CP_INCLUDE] = {"include", JOPT_STRING, "Java regex (String)", NULL,
                    "Regular expression specifying list of topics to include for consumption."},
    [CP_MESSAGES] = {"messages", JOPT_LONG, "count", NULL,
                     "(DEPRECATED) The number of records to consume. This option will be removed in a future version. "
                     "Use --num-records instead."},
    [CP_NUM_RECORDS] = {"num-records", JOPT_LONG, "count", NULL, "REQUIRED: The number of records to consume."},
    [CP_PRINT_METRICS] = {"print-metrics", JOPT_FLAG, NULL, NULL, "Print out the metrics."},
    [CP_REPORTING_INTERVAL] = {"reporting-interval", JOPT_LONG, "interval_ms", "5000",
                               "Interval in milliseconds at which to print progress info."},
    [CP_SHOW_DETAILED_STATS] =
        {"show-detailed-stats", JOPT_FLAG, NULL, NULL,
         "If set, stats are reported for each reporting interval as configured by reporting-interval."},
    [CP_SOCKET_BUFFER_SIZE] = {"socket-buffer-size", JOPT_INT, "size", "2097152", "The size of the tcp RECV size."},
    [CP_TIMEOUT] = {"timeout", JOPT_OPTIONAL_LONG, "milliseconds", "10000",
                    "The maximum allowed time in milliseconds between returned records."},
    [CP_TOPIC] = {"topic", JOPT_STRING, "topic", NULL, "The topic to consume from."},
    [CP_VERSION] = {"version", JOPT_FLAG, NULL, NULL, "Display Kafka version."},
};

#endif
