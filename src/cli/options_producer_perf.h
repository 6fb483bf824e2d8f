// SPDX-License-Identifier: Apache-2.0
// The options of kafka-producer-perf-test.sh and its --help (Kafka 4.3.1).
#ifndef ODRADEK_CLI_OPTIONS_PRODUCER_PERF_H
#define ODRADEK_CLI_OPTIONS_PRODUCER_PERF_H

#include "cli/argparse.h"

enum {
    PP_BOOTSTRAP_SERVER,
    PP_TOPIC,
    PP_NUM_RECORDS,
    PP_PAYLOAD_DELIMITER,
    PP_THROUGHPUT,
    PP_PRODUCER_PROPS,
    PP_COMMAND_PROPERTY,
    PP_PRODUCER_CONFIG,
    PP_COMMAND_CONFIG,
    PP_PRINT_METRICS,
    PP_TRANSACTIONAL_ID,
    PP_TRANSACTION_DURATION_MS,
    PP_WARMUP_RECORDS,
    PP_REPORTING_INTERVAL,
    PP_RECORD_SIZE,
    PP_PAYLOAD_FILE,
    PP_PAYLOAD_MONOTONIC,
    PP_OPTIONS,
};

static const struct argparse_option producer_perf_options[PP_OPTIONS] = {
    [PP_BOOTSTRAP_SERVER] = {"bootstrap-server", 0, ARGPARSE_TEXT, false, 0},
    [PP_TOPIC] = {"topic", 0, ARGPARSE_TEXT, true, 0},
    [PP_NUM_RECORDS] = {"num-records", 0, ARGPARSE_LONG, true, 0},
    [PP_PAYLOAD_DELIMITER] = {"payload-delimiter", 0, ARGPARSE_TEXT, false, 0},
    [PP_THROUGHPUT] = {"throughput", 0, ARGPARSE_DOUBLE, true, 0},
    [PP_PRODUCER_PROPS] = {"producer-props", 0, ARGPARSE_MANY, false, 0},
    [PP_COMMAND_PROPERTY] = {"command-property", 0, ARGPARSE_MANY, false, 0},
    [PP_PRODUCER_CONFIG] = {"producer.config", 0, ARGPARSE_TEXT, false, 0},
    [PP_COMMAND_CONFIG] = {"command-config", 0, ARGPARSE_TEXT, false, 0},
    [PP_PRINT_METRICS] = {"print-metrics", 0, ARGPARSE_FLAG, false, 0},
    [PP_TRANSACTIONAL_ID] = {"transactional-id", 0, ARGPARSE_TEXT, false, 0},
    [PP_TRANSACTION_DURATION_MS] = {"transaction-duration-ms", 0, ARGPARSE_LONG, false, 0},
    [PP_WARMUP_RECORDS] = {"warmup-records", 0, ARGPARSE_LONG, false, 0},
    [PP_REPORTING_INTERVAL] = {"reporting-interval", 0, ARGPARSE_LONG, false, 0},
    [PP_RECORD_SIZE] = {"record-size", 0, ARGPARSE_INT, true, 1},
    [PP_PAYLOAD_FILE] = {"payload-file", 0, ARGPARSE_TEXT, true, 1},
    [PP_PAYLOAD_MONOTONIC] = {"payload-monotonic", 0, ARGPARSE_FLAG, true, 1},
};

static const char producer_perf_help[] = "usage: kafka-producer-perf-test\n"
                                         "       [-h] [--bootstrap-server BOOTSTRAP-SERVER] --topic TOPIC\n"
                                         "       --num-records NUM-RECORDS [--payload-delimiter PAYLOAD-DELIMITER]\n"
                                         "       --throughput THROUGHPUT\n"
                                         "       [--producer-props PROP-NAME=PROP-VALUE [PROP-NAME=PROP-VALUE ...]]\n"
                                         "       [--command-property PROP-NAME=PROP-VALUE [PROP-NAME=PROP-VALUE ...]]\n"
                                         "       [--producer.config CONFIG-FILE] [--command-config CONFIG-FILE]\n"
                                         "       [--print-metrics] [--transactional-id TRANSACTIONAL-ID]\n"
                                         "       [--transaction-duration-ms TRANSACTION-DURATION]\n"
                                         "       [--warmup-records WARMUP-RECORDS] [--reporting-interval INTERVAL-MS]\n"
                                         "       (--record-size RECORD-SIZE | --payload-file PAYLOAD-FILE |\n"
                                         "       --payload-monotonic)\n"
                                         "\n"
                                         "This  tool  is  used  to   verify   the  producer  performance.  To  enable\n"
                                         "transactions, you can  specify  a  transactional  id  or  set a transaction\n"
                                         "duration using --transaction-duration-ms. There  are  three ways to specify\n"
                                         "the transactional  id:  set  transactional.id=<id>  via --command-property,\n"
                                         "set transactional.id=<id> in the config  file  via --command-config, or use\n"
                                         "--transactional-id <id>.\n"
                                         "\n"
                                         "optional arguments:\n"
                                         "  -h, --help             show this help message and exit\n"
                                         "  --bootstrap-server BOOTSTRAP-SERVER\n"
                                         "                         The server(s) to  connect  to.  This  config takes\n"
                                         "                         precedence over bootstrap.servers specified via --\n"
                                         "                         command-property or --command-config.\n"
                                         "  --topic TOPIC          Produce records to this topic.\n"
                                         "  --num-records NUM-RECORDS\n"
                                         "                         Number of records to produce.\n"
                                         "  --payload-delimiter PAYLOAD-DELIMITER\n"
                                         "                         Provides the delimiter to  be used when --payload-\n"
                                         "                         file is provided. Defaults to  new line. Note that\n"
                                         "                         this parameter will  be  ignored if --payload-file\n"
                                         "                         is not provided. (default: \\n)\n"
                                         "  --throughput THROUGHPUT\n"
                                         "                         Throttle    maximum    record     throughput    to\n"
                                         "                         *approximately* THROUGHPUT  records/sec.  Set this\n"
                                         "                         to -1 to disable throttling.\n"
                                         "  --producer-props PROP-NAME=PROP-VALUE [PROP-NAME=PROP-VALUE ...]\n"
                                         "                         (DEPRECATED) Kafka producer  related configuration\n"
                                         "                         properties  like  client.id.  These  configs  take\n"
                                         "                         precedence over those  passed via --command-config\n"
                                         "                         or --producer.config. This option  will be removed\n"
                                         "                         in  a  future   version.   Use  --command-property\n"
                                         "                         instead. Example:  --command-property linger.ms=10\n"
                                         "                         batch.size=32768\n"
                                         "  --command-property PROP-NAME=PROP-VALUE [PROP-NAME=PROP-VALUE ...]\n"
                                         "                         Kafka producer  related  configuration  properties\n"
                                         "                         like  client.id.  These  configs  take  precedence\n"
                                         "                         over  those  passed  via  --command-config  or  --\n"
                                         "                         producer.config.    Example:    --command-property\n"
                                         "                         linger.ms=10 batch.size=32768\n"
                                         "  --producer.config CONFIG-FILE\n"
                                         "                         (DEPRECATED)  Producer  config   properties  file.\n"
                                         "                         This option will be  removed  in a future version.\n"
                                         "                         Use --command-config instead.\n"
                                         "  --command-config CONFIG-FILE\n"
                                         "                         Producer config properties file.\n"
                                         "  --print-metrics        Print  out  metrics  at  the   end  of  the  test.\n"
                                         "                         (default: false)\n"
                                         "  --transactional-id TRANSACTIONAL-ID\n"
                                         "                         The transactional id  to  use.  This  config takes\n"
                                         "                         precedence  over  the  transactional.id  specified\n"
                                         "                         via --command-property  or  --command-config. Note\n"
                                         "                         that if  the  transactional  id  is  not specified\n"
                                         "                         while --transaction-duration-ms  is  provided, the\n"
                                         "                         default value for  the  transactional  id  will be\n"
                                         "                         performance-producer- followed by a random uuid.\n"
                                         "  --transaction-duration-ms TRANSACTION-DURATION\n"
                                         "                         The maximum  duration  of  each  transaction.  The\n"
                                         "                         commitTransaction will be  called  after this time\n"
                                         "                         has elapsed. The value  should  be greater than 0.\n"
                                         "                         If  the  transactional  id  is  specified  via  --\n"
                                         "                         command-property,    --command-config     or    --\n"
                                         "                         transactional-id but  --transaction-duration-ms is\n"
                                         "                         not specified, the default value will be 3000.\n"
                                         "  --warmup-records WARMUP-RECORDS\n"
                                         "                         The number of records  to  treat  as warmup. These\n"
                                         "                         initial records will  not  be  included in steady-\n"
                                         "                         state statistics. An additional  summary line will\n"
                                         "                         be    printed    describing    the    steady-state\n"
                                         "                         statistics. (default: 0)\n"
                                         "  --reporting-interval INTERVAL-MS\n"
                                         "                         Interval  in  milliseconds   at   which  to  print\n"
                                         "                         progress info. (default: 5000)\n"
                                         "\n"
                                         "  Note that you must provide  exactly  one of --record-size, --payload-file\n"
                                         "  or --payload-monotonic.\n"
                                         "\n"
                                         "  --record-size RECORD-SIZE\n"
                                         "                         Record size in bytes.  Note  that you must provide\n"
                                         "                         exactly one of --record-size, --payload-file or --\n"
                                         "                         payload-monotonic.\n"
                                         "  --payload-file PAYLOAD-FILE\n"
                                         "                         File to read the record  payloads from. This works\n"
                                         "                         only for UTF-8 encoded  text  files. Payloads will\n"
                                         "                         be read from  this  file  and  a  payload  will be\n"
                                         "                         randomly selected when sending  records. Note that\n"
                                         "                         you must provide exactly  one of --record-size, --\n"
                                         "                         payload-file or --payload-monotonic.\n"
                                         "  --payload-monotonic    Payload is  a  monotonically  increasing  integer.\n"
                                         "                         Note that  you  must  provide  exactly  one  of --\n"
                                         "                         record-size,    --payload-file    or    --payload-\n"
                                         "                         monotonic. (default: false)\n";

#endif
