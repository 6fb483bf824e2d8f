#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Creates or deletes a topic through librdkafka's admin client: topic.py ADDRESS create TOPIC PARTITIONS [key=value...] | delete TOPIC"""
import sys

from confluent_kafka.admin import AdminClient, NewTopic

address, verb, topic = sys.argv[1:4]
admin = AdminClient({"bootstrap.servers": address})
if verb == "create":
    config = dict(word.split("=", 1) for word in sys.argv[5:])
    admin.create_topics([NewTopic(topic, int(sys.argv[4]), 1, config=config)], request_timeout=30)[topic].result()
else:
    admin.delete_topics([topic], request_timeout=30)[topic].result()
