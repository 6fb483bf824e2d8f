// SPDX-License-Identifier: Apache-2.0

// What an application does, through the unmodified Sarama client: topics, every codec, times.
package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/IBM/sarama"
)

const (
	partitions = 4
	each       = 250
	total      = partitions * each
	patience   = 30 * time.Second
)

// A fixed past second: record times must come back as given, whatever the broker's clock says.
var firstTime = time.UnixMilli(1700000000000)

var checks int

func check(holds bool, format string, args ...any) {
	if !holds {
		fmt.Printf("not ok sarama: "+format+" (after %d checks)\n", append(args, checks)...)
		os.Exit(1)
	}
	checks++
}

func until(holds func() bool, format string, args ...any) {
	for end := time.Now().Add(patience); !holds() && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	check(holds(), format, args...)
}

func config() *sarama.Config {
	c := sarama.NewConfig()
	c.ClientID = "member"
	c.Version = sarama.MaxVersion
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Return.Successes = true
	c.Producer.Partitioner = sarama.NewManualPartitioner
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	c.Consumer.Offsets.AutoCommit.Enable = false
	c.Consumer.Group.Heartbeat.Interval = 200 * time.Millisecond
	c.Consumer.Group.Session.Timeout = 6 * time.Second
	return c
}

func value(i int) string {
	return "value-" + strconv.Itoa(i) + "-" + strings.Repeat("abcdefgh", i%32)
}

func produce(address, topic string, codec sarama.CompressionCodec, idempotent bool) {
	c := config()
	c.Producer.Compression = codec
	c.Producer.Idempotent = idempotent
	// With more than one, Sarama itself may send batches in another order.
	c.Net.MaxOpenRequests = 1
	producer, err := sarama.NewSyncProducer([]string{address}, c)
	check(err == nil, "a producer: %v", err)
	defer producer.Close()
	batch := make([]*sarama.ProducerMessage, total)
	for i := range batch {
		batch[i] = &sarama.ProducerMessage{Topic: topic, Partition: int32(i % partitions), Value: sarama.StringEncoder(value(i)),
			Key: sarama.StringEncoder(strconv.Itoa(i)), Timestamp: firstTime.Add(time.Duration(i) * time.Millisecond),
			Headers: []sarama.RecordHeader{{Key: []byte("number"), Value: []byte(strconv.Itoa(i))}}}
	}
	err = producer.SendMessages(batch)
	var failed sarama.ProducerErrors
	if errors.As(err, &failed) {
		err = failed[0].Err
	}
	check(err == nil, "%s: producing: %v", codec, err)
	inOrder := true
	for i, m := range batch {
		inOrder = inOrder && m.Offset == int64(i/partitions)
	}
	check(inOrder, "%s: offsets of acknowledged records", codec)
}

func equal(m *sarama.ConsumerMessage) bool {
	i := int(m.Offset)*partitions + int(m.Partition)
	return string(m.Key) == strconv.Itoa(i) && string(m.Value) == value(i) &&
		m.Timestamp.Equal(firstTime.Add(time.Duration(i)*time.Millisecond)) &&
		len(m.Headers) == 1 && string(m.Headers[0].Value) == strconv.Itoa(i)
}

// Reads a partition from an offset to its end.
func read(client sarama.Client, topic string, partition int32, from int64, count int) {
	consumer, err := sarama.NewConsumerFromClient(client)
	check(err == nil, "a consumer: %v", err)
	part, err := consumer.ConsumePartition(topic, partition, from)
	check(err == nil, "%s-%d from %d: %v", topic, partition, from, err)
	right := true
	timer := time.NewTimer(patience)
	for n := 0; n < count; n++ {
		select {
		case m := <-part.Messages():
			right = right && m.Offset == from+int64(n) && equal(m)
		case <-timer.C:
			check(false, "%s-%d: %d records of %d", topic, partition, n, count)
		}
	}
	check(right, "%s-%d: every record as it was sent", topic, partition)
	check(part.HighWaterMarkOffset() == each, "%s-%d: high watermark %d", topic, partition, part.HighWaterMarkOffset())
	check(part.Close() == nil && consumer.Close() == nil, "closing")
}

func plain(address string, admin sarama.ClusterAdmin, client sarama.Client, topic string, codec sarama.CompressionCodec) {
	// Record times lie years back: deletion by age must not take them away while we read.
	forever := "-1"
	err := admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1,
		ConfigEntries: map[string]*string{"retention.ms": &forever}}, false)
	check(err == nil, "creating %s: %v", topic, err)
	// Apache Kafka answers when the controller has decided; its broker leads the partitions a moment later, and Sarama's
	// retries do not keep the order.
	for p := int32(0); p < partitions; p++ {
		until(func() bool {
			_, err := client.GetOffset(topic, p, sarama.OffsetNewest)
			return err == nil
		}, "%s-%d has a leader", topic, p)
	}
	produce(address, topic, codec, codec == sarama.CompressionNone)
	for p := int32(0); p < partitions; p++ {
		read(client, topic, p, 0, each)
		end, err := client.GetOffset(topic, p, sarama.OffsetNewest)
		check(err == nil && end == each, "%s-%d: end offset %d: %v", topic, p, end, err)
		// The first record at or after 501 ms in a partition that holds p, p+4, p+8, ...
		want := int64(501+((int(p)-501)%partitions+partitions)%partitions) / partitions
		at, err := client.GetOffset(topic, p, firstTime.UnixMilli()+501)
		check(err == nil && at == want, "%s-%d: offset for a time is %d, expected %d: %v", topic, p, at, want, err)
		read(client, topic, p, at, each-int(at))
	}
}

func configs(admin sarama.ClusterAdmin, topic string) {
	hours := "7200000"
	for _, step := range []struct {
		entry sarama.IncrementalAlterConfigsEntry
		want  string
	}{
		{sarama.IncrementalAlterConfigsEntry{Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &hours}, hours},
		{sarama.IncrementalAlterConfigsEntry{Operation: sarama.IncrementalAlterConfigsOperationDelete}, "604800000"},
	} {
		changes := map[string]sarama.IncrementalAlterConfigsEntry{"retention.ms": step.entry}
		err := admin.IncrementalAlterConfig(sarama.TopicResource, topic, changes, false)
		check(err == nil, "altering: %v", err)
		until(func() bool {
			found, err := admin.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: topic, ConfigNames: []string{"retention.ms"}})
			return err == nil && len(found) == 1 && found[0].Value == step.want
		}, "retention.ms becomes %s", step.want)
	}
	err := admin.AlterConfig(sarama.TopicResource, topic, map[string]*string{"segment.ms": &hours}, false)
	check(err == nil, "altering the old way: %v", err)
}

func described(admin sarama.ClusterAdmin, topic, run string) {
	brokers, controller, err := admin.DescribeCluster()
	check(err == nil && len(brokers) == 1 && controller == brokers[0].ID(), "the cluster: %v", err)
	topics, err := admin.DescribeTopics([]string{topic})
	check(err == nil && len(topics) == 1 && len(topics[0].Partitions) == partitions, "described: %v", err)
	listed, err := admin.ListTopics()
	check(err == nil && listed[topic].NumPartitions == partitions, "listed: %v", err)
	err = admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1}, false)
	check(errors.Is(err, sarama.ErrTopicAlreadyExists), "creating it twice: %v", err)
	err = admin.CreateTopic("three-"+run, &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 3}, false)
	check(errors.Is(err, sarama.ErrInvalidReplicationFactor), "three replicas: %v", err)
	check(errors.Is(admin.DeleteTopic("absent-"+run), sarama.ErrUnknownTopicOrPartition), "deleting no topic")
	check(admin.CreatePartitions(topic, partitions+1, nil, false) == nil, "a partition more")
	until(func() bool {
		topics, err := admin.DescribeTopics([]string{topic})
		return err == nil && len(topics[0].Partitions) == partitions+1
	}, "described with a partition more")
	check(admin.DeleteRecords(topic, map[int32]int64{0: 10}) == nil, "deleting records")
}

func main() {
	address := os.Args[1]
	run := strconv.FormatInt(time.Now().UnixNano(), 36)
	client, err := sarama.NewClient([]string{address}, config())
	check(err == nil, "a client: %v", err)
	admin, err := sarama.NewClusterAdmin([]string{address}, config())
	check(err == nil, "an admin: %v", err)
	var topics []string
	for _, codec := range []sarama.CompressionCodec{sarama.CompressionNone, sarama.CompressionGZIP, sarama.CompressionSnappy,
		sarama.CompressionLZ4, sarama.CompressionZSTD} {
		topic := "sarama-" + codec.String() + "-" + run
		topics = append(topics, topic)
		plain(address, admin, client, topic, codec)
	}
	for _, strategy := range []sarama.BalanceStrategy{sarama.NewBalanceStrategyRange(), sarama.NewBalanceStrategyRoundRobin(),
		sarama.NewBalanceStrategySticky()} {
		rebalance(address, admin, topics[0], run, strategy)
	}
	resume(address, admin, client, topics[0], run)
	configs(admin, topics[1])
	described(admin, topics[2], run)
	for _, topic := range topics {
		check(admin.DeleteTopic(topic) == nil, "deleting %s", topic)
	}
	// Apache Kafka answers when the controller has decided; its brokers learn of it a moment later.
	until(func() bool {
		listed, err := admin.ListTopics()
		for _, topic := range topics {
			if _, there := listed[topic]; there {
				return false
			}
		}
		return err == nil
	}, "the topics are gone")
	check(admin.Close() == nil && client.Close() == nil, "closing")
	fmt.Printf("ok sarama %d checks\n", checks)
}
