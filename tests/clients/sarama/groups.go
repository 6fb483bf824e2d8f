// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"sync"

	"github.com/IBM/sarama"
)

// A member of a group; it runs in goroutines of its own, as Sarama wants it, and keeps what it was given and shown.
type member struct {
	group  sarama.ConsumerGroup
	cancel context.CancelFunc
	done   chan struct{}
	mu     sync.Mutex
	owned  []int32
	first  map[int32]int64
	seen   int
	right  bool
	// What is to be marked for the commit at a session's end: an offset for each partition, or nothing.
	mark map[int32]int64
}

func (m *member) Setup(s sarama.ConsumerGroupSession) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, all := range s.Claims() {
		m.owned = append([]int32{}, all...)
	}
	return nil
}

func (m *member) Cleanup(s sarama.ConsumerGroupSession) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for topic, all := range s.Claims() {
		for _, p := range all {
			if at, wanted := m.mark[p]; wanted {
				s.MarkOffset(topic, p, at, "half")
			}
		}
	}
	s.Commit()
	m.owned = nil
	return nil
}

func (m *member) ConsumeClaim(s sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for message := range claim.Messages() {
		m.mu.Lock()
		if _, known := m.first[message.Partition]; !known {
			m.first[message.Partition] = message.Offset
		}
		m.right = m.right && equal(message)
		m.seen++
		m.mu.Unlock()
	}
	return nil
}

func join(address, topic, name string, strategy sarama.BalanceStrategy) *member {
	c := config()
	c.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{strategy}
	group, err := sarama.NewConsumerGroup([]string{address}, name, c)
	check(err == nil, "a member: %v", err)
	ctx, cancel := context.WithCancel(context.Background())
	m := &member{group: group, cancel: cancel, done: make(chan struct{}), first: map[int32]int64{}, right: true}
	go func() {
		defer close(m.done)
		for ctx.Err() == nil {
			if group.Consume(ctx, []string{topic}, m) != nil {
				return
			}
		}
	}()
	return m
}

func (m *member) leave() {
	m.cancel()
	<-m.done
	check(m.group.Close() == nil, "leaving")
}

func (m *member) owns() []int32 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.owned
}

func (m *member) shown() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.seen
}

func rebalance(address string, admin sarama.ClusterAdmin, topic, run string, strategy sarama.BalanceStrategy) {
	name := "sarama-" + strategy.Name() + "-" + run
	a := join(address, topic, name, strategy)
	until(func() bool { return len(a.owns()) == partitions }, "%s: one member has every partition", name)
	b := join(address, topic, name, strategy)
	until(func() bool { return len(a.owns()) == 2 && len(b.owns()) == 2 }, "%s: two members share", name)
	union := map[int32]bool{}
	for _, p := range append(append([]int32{}, a.owns()...), b.owns()...) {
		union[p] = true
	}
	check(len(union) == partitions, "%s: no partition twice", name)
	described, err := admin.DescribeConsumerGroups([]string{name})
	check(err == nil && len(described) == 1, "%s: described: %v", name, err)
	d := described[0]
	check(d.State == "Stable" && d.Protocol == strategy.Name() && d.ProtocolType == "consumer" && len(d.Members) == 2, "%s: described as %+v", name, d)
	listed, err := admin.ListConsumerGroups()
	check(err == nil && listed[name] == "consumer", "%s: listed: %v", name, err)
	check(errors.Is(admin.DeleteConsumerGroup(name), sarama.ErrNonEmptyGroup), "%s: deleting a group in use", name)
	b.leave()
	until(func() bool { return len(a.owns()) == partitions }, "%s: the other left, one has all again", name)
	a.leave()
	check(admin.DeleteConsumerGroup(name) == nil, "%s: deleting it after", name)
	check(errors.Is(admin.DeleteConsumerGroup(name), sarama.ErrGroupIDNotFound), "%s: deleting no group", name)
}

func lag(admin sarama.ClusterAdmin, client sarama.Client, topic, group string) int64 {
	asked := map[string][]int32{topic: {0, 1, 2, 3}}
	committed, err := admin.ListConsumerGroupOffsets(group, asked)
	check(err == nil && committed.Err == sarama.ErrNoError, "offsets of %s: %v", group, err)
	var all int64
	for p := int32(0); p < partitions; p++ {
		end, err := client.GetOffset(topic, p, sarama.OffsetNewest)
		block := committed.GetBlock(topic, p)
		check(err == nil && block != nil && block.Err == sarama.ErrNoError, "offset of %s in %d: %v", group, p, err)
		all += end - block.Offset
	}
	return all
}

func resume(address string, admin sarama.ClusterAdmin, client sarama.Client, topic, run string) {
	name := "sarama-resume-" + run
	a := join(address, topic, name, sarama.NewBalanceStrategyRange())
	a.mark = map[int32]int64{0: 100, 1: 101, 2: 102, 3: 103}
	until(func() bool { return a.shown() == total }, "every record is read")
	a.leave()
	check(a.right, "every record as it was sent")
	check(lag(admin, client, topic, name) == total-406, "lag")
	b := join(address, topic, name, sarama.NewBalanceStrategyRange())
	until(func() bool { return b.shown() == total-406 }, "the rest is read")
	for p := int32(0); p < partitions; p++ {
		check(b.first[p] == 100+int64(p), "partition %d goes on at %d", p, b.first[p])
	}
	b.leave()
	// The group moves to the offsets of a time while it is empty; its next member begins there.
	offsets, err := sarama.NewOffsetManagerFromClient(name, client)
	check(err == nil, "an offset manager: %v", err)
	for p := int32(0); p < partitions; p++ {
		at, err := client.GetOffset(topic, p, firstTime.UnixMilli()+400)
		check(err == nil && at == 100, "offset for a time: %d, %v", at, err)
		manager, err := offsets.ManagePartition(topic, p)
		check(err == nil, "managing %d: %v", p, err)
		next, metadata := manager.NextOffset()
		check(next == 100+int64(p) && metadata == "half", "committed in %d: %d, %q", p, next, metadata)
		manager.ResetOffset(at, "moved")
		manager.AsyncClose()
	}
	offsets.Commit()
	check(offsets.Close() == nil, "closing the offset manager")
	c := join(address, topic, name, sarama.NewBalanceStrategyRange())
	c.mark = map[int32]int64{0: each, 1: each, 2: each, 3: each}
	until(func() bool { return c.shown() == partitions*(each-100) }, "from that time on")
	check(c.first[3] == 100, "the first record from that time on is %d", c.first[3])
	c.leave()
	check(lag(admin, client, topic, name) == 0, "lag at the end")
	check(admin.DeleteConsumerGroup(name) == nil, "deleting the group")
}
