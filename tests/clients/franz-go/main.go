// SPDX-License-Identifier: Apache-2.0

// What an application does with plain topics, through the unmodified franz-go client.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	partitions = 3
	records    = 10000
)

// A fixed past second: record times must come back as given, whatever the broker's clock says.
var firstTime = time.UnixMilli(1700000000000)

var checks int

func check(holds bool, format string, args ...any) {
	if !holds {
		fmt.Printf("not ok franz-go: "+format+" (after %d checks)\n", append(args, checks)...)
		os.Exit(1)
	}
	checks++
}

func fails(want error, code int16, what string) {
	check(errors.Is(kerr.ErrorForCode(code), want), "%s: expected %v, got %v", what, want, kerr.ErrorForCode(code))
}

func client(address string, options ...kgo.Opt) *kgo.Client {
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(address), kgo.ClientID("client-check")}, options...)...)
	check(err == nil, "a client: %v", err)
	return c
}

func ask[R any](ctx context.Context, c *kgo.Client, request kmsg.Request) R {
	response, err := c.Request(ctx, request)
	check(err == nil, "%s: %v", kmsg.NameForKey(request.Key()), err)
	return response.(R)
}

// Every seventh key and every eleventh value is null; values differ in size and compress well.
func record(topic string, i int) *kgo.Record {
	r := &kgo.Record{Topic: topic, Partition: int32(i % partitions), Timestamp: firstTime.Add(time.Duration(i) * time.Millisecond)}
	if i%7 != 0 {
		r.Key = []byte("key-" + strconv.Itoa(i))
	}
	if i%11 != 0 {
		r.Value = []byte("value-" + strconv.Itoa(i) + "-" + strings.Repeat("abcdefgh", i%32))
	}
	r.Headers = []kgo.RecordHeader{{Key: "number", Value: []byte(strconv.Itoa(i))}, {Key: "empty", Value: []byte{}}, {Key: "none"}}
	return r
}

func equal(got *kgo.Record, i int) bool {
	want := record(got.Topic, i)
	return (got.Key == nil) == (want.Key == nil) && bytes.Equal(got.Key, want.Key) &&
		(got.Value == nil) == (want.Value == nil) && bytes.Equal(got.Value, want.Value) &&
		got.Timestamp.Equal(want.Timestamp) && len(got.Headers) == 3 && string(got.Headers[0].Value) == strconv.Itoa(i) &&
		got.Headers[1].Value != nil && len(got.Headers[1].Value) == 0 && got.Headers[2].Value == nil
}

func create(ctx context.Context, c *kgo.Client, topic string, count int32, replicas int16, validateOnly bool, configs map[string]string) int16 {
	request := kmsg.NewPtrCreateTopicsRequest()
	request.TimeoutMillis = 10000
	request.ValidateOnly = validateOnly
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = topic, count, replicas
	for name, value := range configs {
		config := kmsg.NewCreateTopicsRequestTopicConfig()
		config.Name, config.Value = name, kmsg.StringPtr(value)
		t.Configs = append(t.Configs, config)
	}
	request.Topics = append(request.Topics, t)
	response := ask[*kmsg.CreateTopicsResponse](ctx, c, request)
	check(len(response.Topics) == 1 && response.Topics[0].Topic == topic, "CreateTopics answers for its topic")
	return response.Topics[0].ErrorCode
}

func produce(ctx context.Context, address, topic string, codec kgo.CompressionCodec) {
	c := client(address, kgo.ProducerBatchCompression(codec), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(5*time.Millisecond))
	defer c.Close()
	batch := make([]*kgo.Record, records)
	for i := range batch {
		batch[i] = record(topic, i)
	}
	inOrder := true
	err := c.ProduceSync(ctx, batch...).FirstErr()
	check(err == nil, "producing: %v", err)
	for i, r := range batch {
		inOrder = inOrder && r.Offset == int64(i/partitions) && r.Partition == int32(i%partitions)
	}
	check(inOrder, "%s: offsets of acknowledged records", topic)
}

func readByOffset(ctx context.Context, address, topic string) {
	starts := map[int32]kgo.Offset{}
	for p := int32(0); p < partitions; p++ {
		starts[p] = kgo.NewOffset().AtStart()
	}
	c := client(address, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: starts}))
	defer c.Close()
	next, total, same := [partitions]int{}, 0, true
	for total < records {
		fetches := c.PollFetches(ctx)
		check(fetches.Err() == nil, "%s: reading: %v", topic, fetches.Err())
		fetches.EachRecord(func(r *kgo.Record) {
			same = same && r.Offset == int64(next[r.Partition]) && equal(r, next[r.Partition]*partitions+int(r.Partition))
			next[r.Partition]++
			total++
		})
	}
	check(total == records, "%s: %d records read", topic, total)
	check(same, "%s: every record as sent, in order within its partition", topic)
	middle := client(address, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {1: kgo.NewOffset().At(1234)}}))
	defer middle.Close()
	fetches := middle.PollFetches(ctx)
	all := fetches.Records()
	check(fetches.Err() == nil && len(all) > 0 && all[0].Offset == 1234 && equal(all[0], 1234*partitions+1), "%s: from offset 1234", topic)
}

func listOffset(ctx context.Context, c *kgo.Client, topic string, partition int32, timestamp int64) kmsg.ListOffsetsResponseTopicPartition {
	request := kmsg.NewPtrListOffsetsRequest()
	t := kmsg.NewListOffsetsRequestTopic()
	t.Topic = topic
	p := kmsg.NewListOffsetsRequestTopicPartition()
	p.Partition, p.Timestamp = partition, timestamp
	t.Partitions = append(t.Partitions, p)
	request.Topics = append(request.Topics, t)
	response := ask[*kmsg.ListOffsetsResponse](ctx, c, request)
	return response.Topics[0].Partitions[0]
}

func readByTime(ctx context.Context, address string, c *kgo.Client, topic string) {
	for p := int32(0); p < partitions; p++ {
		// The first record at or after 5000 ms in a partition that holds p, p+3, p+6, ...
		want := 5000
		for want%partitions != int(p) {
			want++
		}
		found := listOffset(ctx, c, topic, p, firstTime.UnixMilli()+5000)
		check(found.ErrorCode == 0 && found.Offset == int64(want/partitions) && found.Timestamp == firstTime.UnixMilli()+int64(want),
			"%s: offset for a time in partition %d: %d at %d, error %d", topic, p, found.Offset, found.Timestamp, found.ErrorCode)
	}
	count := int64((records + partitions - 1) / partitions)
	for _, row := range []struct{ timestamp, offset int64 }{
		{-1, count}, {-2, 0}, {-3, count - 1}, {firstTime.UnixMilli() + records, -1}, {0, 0},
	} {
		found := listOffset(ctx, c, topic, 0, row.timestamp)
		check(found.ErrorCode == 0 && found.Offset == row.offset, "%s: offset for %d is %d, expected %d", topic, row.timestamp, found.Offset, row.offset)
	}
	from := kgo.NewOffset().AfterMilli(firstTime.UnixMilli() + 9000)
	late := client(address, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: from}}))
	defer late.Close()
	fetches := late.PollFetches(ctx)
	all := fetches.Records()
	check(fetches.Err() == nil && len(all) > 0 && equal(all[0], 9000), "%s: reading from a time", topic)
}

func describe(ctx context.Context, c *kgo.Client, topic string) {
	request := kmsg.NewPtrMetadataRequest()
	t := kmsg.NewMetadataRequestTopic()
	t.Topic = kmsg.StringPtr(topic)
	request.Topics = append(request.Topics, t)
	metadata := ask[*kmsg.MetadataResponse](ctx, c, request)
	check(len(metadata.Brokers) == 1 && metadata.ClusterID != nil && *metadata.ClusterID != "", "one broker and a cluster id")
	check(len(metadata.Topics) == 1 && metadata.Topics[0].ErrorCode == 0 && len(metadata.Topics[0].Partitions) == partitions, "its partitions")
	for _, p := range metadata.Topics[0].Partitions {
		check(p.Leader == metadata.Brokers[0].NodeID && len(p.ISR) == 1 && len(p.Replicas) == 1, "partition %d has its leader", p.Partition)
	}
	configs := kmsg.NewPtrDescribeConfigsRequest()
	resource := kmsg.NewDescribeConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeTopic, topic
	configs.Resources = append(configs.Resources, resource)
	found := map[string]string{}
	answer := ask[*kmsg.DescribeConfigsResponse](ctx, c, configs)
	check(len(answer.Resources) == 1 && answer.Resources[0].ErrorCode == 0, "its configuration")
	for _, config := range answer.Resources[0].Configs {
		if config.Value != nil {
			found[config.Name] = *config.Value
		}
	}
	check(found["segment.ms"] == "123456789", "segment.ms as created, got %q", found["segment.ms"])
	check(found["cleanup.policy"] == "delete", "cleanup.policy by default, got %q", found["cleanup.policy"])
}

func failures(ctx context.Context, address string, c *kgo.Client, topic, run string) {
	fails(kerr.TopicAlreadyExists, create(ctx, c, topic, 1, 1, false, nil), "creating it twice")
	fails(kerr.InvalidTopicException, create(ctx, c, "no/slash", 1, 1, false, nil), "a slash in a name")
	fails(kerr.InvalidPartitions, create(ctx, c, "zero-"+run, 0, 1, false, nil), "no partitions")
	fails(kerr.InvalidReplicationFactor, create(ctx, c, "three-"+run, 1, 3, false, nil), "three replicas on one broker")
	fails(kerr.InvalidConfig, create(ctx, c, "bad-"+run, 1, 1, false, map[string]string{"retention.ms": "soon"}), "a bad value")
	check(create(ctx, c, "only-checked-"+run, 1, 1, true, nil) == 0, "validate only")
	fails(kerr.UnknownTopicOrPartition, topicError(ctx, c, "only-checked-"+run), "describing what was only checked")
	fails(kerr.UnknownTopicOrPartition, deleteTopic(ctx, c, "absent-"+run), "deleting no topic")

	beyond := client(address, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().At(99999999)}}),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()))
	defer beyond.Close()
	fetches := beyond.PollFetches(ctx)
	check(errors.Is(fetches.Err(), kerr.OffsetOutOfRange) || hasError(fetches, kerr.OffsetOutOfRange), "beyond the end: %v", fetches.Errors())
}

func hasError(fetches kgo.Fetches, want error) bool {
	for _, e := range fetches.Errors() {
		if errors.Is(e.Err, want) {
			return true
		}
	}
	return false
}

func topicError(ctx context.Context, c *kgo.Client, topic string) int16 {
	request := kmsg.NewPtrMetadataRequest()
	t := kmsg.NewMetadataRequestTopic()
	t.Topic = kmsg.StringPtr(topic)
	request.Topics = append(request.Topics, t)
	return ask[*kmsg.MetadataResponse](ctx, c, request).Topics[0].ErrorCode
}

func deleteTopic(ctx context.Context, c *kgo.Client, topic string) int16 {
	request := kmsg.NewPtrDeleteTopicsRequest()
	request.TimeoutMillis = 10000
	request.TopicNames = []string{topic}
	t := kmsg.NewDeleteTopicsRequestTopic()
	t.Topic = kmsg.StringPtr(topic)
	request.Topics = append(request.Topics, t)
	return ask[*kmsg.DeleteTopicsResponse](ctx, c, request).Topics[0].ErrorCode
}

func main() {
	address := os.Args[1]
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	c := client(address)
	defer c.Close()
	run := strconv.FormatInt(time.Now().UnixNano(), 36)
	codecs := []struct {
		name  string
		codec kgo.CompressionCodec
	}{{"none", kgo.NoCompression()}, {"gzip", kgo.GzipCompression()}, {"snappy", kgo.SnappyCompression()}, {"lz4", kgo.Lz4Compression()}, {"zstd", kgo.ZstdCompression()}}
	var topics []string
	for _, row := range codecs {
		topic := "franz-" + row.name + "-" + run
		topics = append(topics, topic)
		// Record times lie years back: deletion by age must not take them away while we read.
		code := create(ctx, c, topic, partitions, 1, false, map[string]string{"retention.ms": "-1", "segment.ms": "123456789"})
		check(code == 0, "creating %s: %v", topic, kerr.ErrorForCode(code))
		produce(ctx, address, topic, row.codec)
		readByOffset(ctx, address, topic)
		readByTime(ctx, address, c, topic)
	}
	describe(ctx, c, topics[0])
	failures(ctx, address, c, topics[0], run)
	groups(ctx, address, run)
	for _, topic := range topics {
		check(deleteTopic(ctx, c, topic) == 0, "deleting %s", topic)
		// Apache Kafka answers when the controller has decided; its brokers learn of it a moment later.
		for topicError(ctx, c, topic) == 0 && ctx.Err() == nil {
		}
		fails(kerr.UnknownTopicOrPartition, topicError(ctx, c, topic), "describing it after")
	}
	fmt.Printf("ok franz-go %d checks\n", checks)
}
