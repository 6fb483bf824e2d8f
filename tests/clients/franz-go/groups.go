// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	groupPartitions = 4
	each            = 250
)

// A member reads in its own goroutine, as applications do, and keeps what it was assigned and shown.
type member struct {
	client *kgo.Client
	mu     sync.Mutex
	owned  map[int32]bool
	first  map[int32]int64
	seen   int
	done   chan struct{}
}

func join(ctx context.Context, address, group, topic string, options ...kgo.Opt) *member {
	m := &member{owned: map[int32]bool{}, first: map[int32]int64{}, done: make(chan struct{})}
	change := func(owns bool) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, parts map[string][]int32) {
			m.mu.Lock()
			defer m.mu.Unlock()
			for _, p := range parts[topic] {
				if owns {
					m.owned[p] = true
				} else {
					delete(m.owned, p)
				}
			}
		}
	}
	m.client = client(address, append([]kgo.Opt{kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.HeartbeatInterval(200 * time.Millisecond),
		kgo.OnPartitionsAssigned(change(true)), kgo.OnPartitionsRevoked(change(false)), kgo.OnPartitionsLost(change(false))}, options...)...)
	go func() {
		defer close(m.done)
		for {
			fetches := m.client.PollFetches(ctx)
			if fetches.IsClientClosed() || ctx.Err() != nil {
				return
			}
			m.mu.Lock()
			fetches.EachRecord(func(r *kgo.Record) {
				if _, known := m.first[r.Partition]; !known {
					m.first[r.Partition] = r.Offset
				}
				m.seen++
			})
			m.mu.Unlock()
		}
	}()
	return m
}

func (m *member) leave() {
	m.client.Close()
	<-m.done
}

func (m *member) owns() []int32 {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []int32
	for p := range m.owned {
		all = append(all, p)
	}
	return all
}

func (m *member) shown() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.seen
}

func until(holds func() bool, format string, args ...any) {
	for end := time.Now().Add(30 * time.Second); !holds() && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	check(holds(), format, args...)
}

func rebalance(ctx context.Context, address, group, topic, name string, balancer kgo.GroupBalancer) {
	admin := kadm.NewClient(client(address))
	defer admin.Close()
	a := join(ctx, address, group, topic, kgo.Balancers(balancer))
	until(func() bool { return len(a.owns()) == groupPartitions }, "%s: one member has every partition", name)
	b := join(ctx, address, group, topic, kgo.Balancers(balancer))
	until(func() bool { return len(a.owns()) == 2 && len(b.owns()) == 2 }, "%s: two members share", name)
	union := map[int32]bool{}
	for _, p := range append(a.owns(), b.owns()...) {
		union[p] = true
	}
	check(len(union) == groupPartitions, "%s: no partition twice", name)
	described, err := admin.DescribeGroups(ctx, group)
	check(err == nil && described[group].Err == nil, "%s: described: %v", name, err)
	d := described[group]
	check(d.State == "Stable" && d.Protocol == name && d.ProtocolType == "consumer" && len(d.Members) == 2, "%s: described as %+v", name, d)
	deleted, err := admin.DeleteGroups(ctx, group)
	check(err == nil && errors.Is(deleted[group].Err, kerr.NonEmptyGroup), "%s: deleting a group in use: %v", name, deleted[group].Err)
	b.leave()
	until(func() bool { return len(a.owns()) == groupPartitions }, "%s: the other left, one has all again", name)
	a.leave()
	deleted, err = admin.DeleteGroups(ctx, group)
	check(err == nil && deleted[group].Err == nil, "%s: deleting it after: %v", name, deleted[group].Err)
}

func lag(ctx context.Context, admin *kadm.Client, group string) int64 {
	lags, err := admin.Lag(ctx, group)
	check(err == nil && lags.Error() == nil, "lag: %v", err)
	return lags[group].Lag.Total()
}

func resume(ctx context.Context, address, group, topic string) {
	admin := kadm.NewClient(client(address))
	defer admin.Close()
	a := join(ctx, address, group, topic)
	until(func() bool { return a.shown() == groupPartitions*each }, "every record is read")
	half := map[string]map[int32]kgo.EpochOffset{topic: {}}
	for p := int32(0); p < groupPartitions; p++ {
		half[topic][p] = kgo.EpochOffset{Epoch: -1, Offset: 100 + int64(p)}
	}
	var failed error
	a.client.CommitOffsetsSync(ctx, half, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, response *kmsg.OffsetCommitResponse, err error) {
		failed = err
		for _, p := range response.Topics[0].Partitions {
			if p.ErrorCode != 0 {
				failed = kerr.ErrorForCode(p.ErrorCode)
			}
		}
	})
	check(failed == nil, "committing: %v", failed)
	listed, err := admin.ListGroups(ctx, "Stable")
	check(err == nil && listed[group].State == "Stable", "listed as stable: %v", err)
	a.leave()
	listed, err = admin.ListGroups(ctx, "Empty")
	check(err == nil && listed[group].State == "Empty", "listed as empty: %v", err)
	check(lag(ctx, admin, group) == groupPartitions*each-406, "lag is %d", lag(ctx, admin, group))
	b := join(ctx, address, group, topic)
	until(func() bool { return b.shown() == groupPartitions*each-406 }, "the rest is read")
	for p := int32(0); p < groupPartitions; p++ {
		check(b.first[p] == 100+int64(p), "partition %d resumed at %d", p, b.first[p])
	}
	b.leave()

	found, err := admin.ListOffsetsAfterMilli(ctx, firstTime.UnixMilli()+400, topic)
	check(err == nil && found.Error() == nil, "offsets for a time: %v", err)
	// The group moves to that time while it is empty, and its next member begins there.
	_, err = admin.CommitOffsets(ctx, group, found.Offsets())
	check(err == nil, "moving the group: %v", err)
	c := join(ctx, address, group, topic)
	until(func() bool { return c.shown() == groupPartitions*(each-100) }, "from that time on")
	check(c.first[2] == 100, "the first record from that time on is %d", c.first[2])
	check(c.client.CommitUncommittedOffsets(ctx) == nil, "committing what was read")
	c.leave()
	check(lag(ctx, admin, group) == 0, "lag at the end")
	_, err = admin.DeleteGroups(ctx, group)
	check(err == nil, "deleting the group: %v", err)
}

func alter(ctx context.Context, address, topic string) {
	admin := kadm.NewClient(client(address))
	defer admin.Close()
	for _, step := range []struct {
		op   kadm.IncrementalOp
		want string
	}{{kadm.SetConfig, "7200000"}, {kadm.DeleteConfig, "604800000"}} {
		changes := []kadm.AlterConfig{{Op: step.op, Name: "retention.ms", Value: kadm.StringPtr(step.want)}}
		answers, err := admin.AlterTopicConfigs(ctx, changes, topic)
		check(err == nil && len(answers) == 1 && answers[0].Err == nil, "altering: %v", err)
		until(func() bool {
			described, err := admin.DescribeTopicConfigs(ctx, topic)
			if err != nil || len(described) != 1 {
				return false
			}
			for _, c := range described[0].Configs {
				if c.Key == "retention.ms" {
					return c.MaybeValue() == step.want
				}
			}
			return false
		}, "retention.ms becomes %s", step.want)
	}
}

func groups(ctx context.Context, address, run string) {
	admin := kadm.NewClient(client(address))
	defer admin.Close()
	topic := "franz-groups-" + run
	_, err := admin.CreateTopic(ctx, groupPartitions, 1, map[string]*string{"retention.ms": kadm.StringPtr("-1")}, topic)
	check(err == nil, "creating %s: %v", topic, err)
	producer := client(address, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	defer producer.Close()
	var batch []*kgo.Record
	for i := 0; i < groupPartitions*each; i++ {
		batch = append(batch, &kgo.Record{Topic: topic, Partition: int32(i % groupPartitions), Value: []byte(strconv.Itoa(i)),
			Timestamp: firstTime.Add(time.Duration(i) * time.Millisecond)})
	}
	check(producer.ProduceSync(ctx, batch...).FirstErr() == nil, "filling %s", topic)
	for _, balancer := range []kgo.GroupBalancer{kgo.RangeBalancer(), kgo.RoundRobinBalancer(), kgo.StickyBalancer(), kgo.CooperativeStickyBalancer()} {
		name := balancer.ProtocolName()
		rebalance(ctx, address, "franz-"+name+"-"+run, topic, name, balancer)
	}
	resume(ctx, address, "franz-resume-"+run, topic)
	alter(ctx, address, topic)
	_, err = admin.DeleteTopics(ctx, topic)
	check(err == nil, "deleting %s: %v", topic, err)
}
