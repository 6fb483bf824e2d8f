// SPDX-License-Identifier: Apache-2.0
'use strict'

// What an application does, through the unmodified kafkajs client: topics, its codecs, groups, times, lag.
const { AssignerProtocol, CompressionTypes, ConfigResourceTypes, Kafka, logLevel } = require('kafkajs')

const RUN = Date.now().toString(36) + process.pid.toString(36)
const PARTITIONS = 4
const EACH = 250
const TOTAL = PARTITIONS * EACH
// A fixed past second: record times must come back as given, whatever the broker's clock says.
const FIRST_TIME_MS = 1700000000000
const PATIENCE_MS = 30000
let checks = 0

const kafka = new Kafka({ brokers: [process.argv[2]], clientId: 'member', logLevel: logLevel.NOTHING, retry: { initialRetryTime: 50 } })

function check (holds, what) {
  if (!holds) throw new Error(what)
  checks++
}

function same (expected, got, what) {
  const [a, b] = [JSON.stringify(expected), JSON.stringify(got)]
  check(a === b, `${what}: expected ${a}, got ${b}`)
}

async function fails (type, call, what) {
  try {
    await call()
  } catch (problem) {
    const found = problem.type || problem.errors?.[0]?.type || problem.groups?.[0]?.error?.type || problem.cause?.type
    return same(type, found, `${what} (${problem})`)
  }
  check(false, `${what} succeeded`)
}

async function until (holds, what) {
  const end = Date.now() + PATIENCE_MS
  while (!(await holds()) && Date.now() < end) await new Promise(resolve => setTimeout(resolve, 10))
  check(await holds(), what)
}

const value = i => i % 11 === 0 ? null : `value-${i}-${'abcdefgh'.repeat(i % 32)}`

function equal (partition, message) {
  const i = Number(message.offset) * PARTITIONS + partition
  return (message.value && message.value.toString()) === value(i) && message.key.toString() === `key-${i}` &&
    Number(message.timestamp) === FIRST_TIME_MS + i && message.headers.number.toString() === String(i)
}

async function produce (topic, compression, idempotent) {
  const producer = kafka.producer({ idempotent, maxInFlightRequests: 1 })
  await producer.connect()
  const messages = []
  for (let i = 0; i < TOTAL; i++) {
    messages.push({ partition: i % PARTITIONS, key: `key-${i}`, value: value(i), timestamp: String(FIRST_TIME_MS + i), headers: { number: String(i) } })
  }
  const answers = await producer.send({ topic, messages, acks: -1, compression })
  same([0, 1, 2, 3], answers.map(a => a.partition).sort(), `${topic}: a batch for each partition`)
  check(answers.every(a => a.errorCode === 0 && a.baseOffset === '0'), `${topic}: offsets of acknowledged batches`)
  await producer.disconnect()
}

// A member of a group; keeps what it was given and shown.
async function join (topic, groupId, options = {}) {
  const consumer = kafka.consumer({ groupId, heartbeatInterval: 200, sessionTimeout: 6000, rebalanceTimeout: 10000, maxWaitTimeInMs: 100, ...options })
  const m = { consumer, owned: [], first: {}, seen: 0, right: true, protocol: null }
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    m.owned = payload.memberAssignment[topic] || []
    m.protocol = payload.groupProtocol
  })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ partition, message }) => {
      m.first[partition] ??= Number(message.offset)
      m.right &&= equal(partition, message)
      m.seen++
    }
  })
  m.leave = () => consumer.disconnect()
  return m
}

const listed = async (admin, groupId) => (await admin.listGroups()).groups.find(g => g.groupId === groupId)

async function plain (admin, topic, compression, idempotent) {
  // Record times lie years back: deletion by age must not take them away while we read.
  check(await admin.createTopics({ topics: [{ topic, numPartitions: PARTITIONS, configEntries: [{ name: 'retention.ms', value: '-1' }] }] }), 'created')
  await produce(topic, compression, idempotent)
  const ends = await admin.fetchTopicOffsets(topic)
  check(ends.length === PARTITIONS && ends.every(e => e.low === '0' && e.high === String(EACH)), `${topic}: first and end offsets`)
  for (const found of await admin.fetchTopicOffsetsByTimestamp(topic, FIRST_TIME_MS + 501)) {
    // The first record at or after 501 ms in a partition that holds p, p+4, p+8, ...
    const record = 501 + ((found.partition - 501) % PARTITIONS + PARTITIONS) % PARTITIONS
    same(Math.floor(record / PARTITIONS), Number(found.offset), `${topic}: offset for a time in ${found.partition}`)
  }
  const m = await join(topic, `js-${topic}`)
  await until(() => m.seen === TOTAL, `${topic}: every record is read`)
  check(m.right, `${topic}: every record as it was sent`)
  await m.leave()
}

async function rebalance (admin, topic) {
  const group = `js-rebalance-${RUN}`
  const a = await join(topic, group)
  await until(() => a.owned.length === PARTITIONS, 'one member has every partition')
  const b = await join(topic, group)
  await until(() => a.owned.length === 2 && b.owned.length === 2, 'two members share')
  same([0, 1, 2, 3], [...a.owned, ...b.owned].sort(), 'no partition twice')
  const { groups: [d] } = await admin.describeGroups([group])
  same(['Stable', 'RoundRobinAssigner', 'consumer', 2], [d.state, d.protocol, d.protocolType, d.members.length], 'described')
  const given = d.members.map(m => AssignerProtocol.MemberAssignment.decode(m.memberAssignment).assignment[topic].length)
  same([2, 2], given, "the members' assignments")
  same('consumer', (await listed(admin, group)).protocolType, 'listed')
  await fails('NON_EMPTY_GROUP', () => admin.deleteGroups([group]), 'deleting a group in use')
  await b.leave()
  await until(() => a.owned.length === PARTITIONS, 'the other left, one has all again')
  await a.leave()
  await admin.deleteGroups([group])
  check(!(await listed(admin, group)), 'it is gone')
  await fails('GROUP_ID_NOT_FOUND', () => admin.deleteGroups([group]), 'deleting no group')
}

async function lag (admin, topic, groupId) {
  const [{ partitions }] = await admin.fetchOffsets({ groupId, topics: [topic] })
  const ends = await admin.fetchTopicOffsets(topic)
  return ends.reduce((sum, e) => sum + Number(e.high) - Number(partitions.find(p => p.partition === e.partition).offset), 0)
}

async function resume (admin, topic) {
  const group = `js-resume-${RUN}`
  const a = await join(topic, group)
  await until(() => a.seen === TOTAL, 'every record is read')
  await a.consumer.commitOffsets([0, 1, 2, 3].map(p => ({ topic, partition: p, offset: String(100 + p), metadata: `half-${p}` })))
  await a.leave()
  const [{ partitions }] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
  same([0, 1, 2, 3].map(p => [String(100 + p), `half-${p}`]), partitions.sort((x, y) => x.partition - y.partition).map(p => [p.offset, p.metadata]),
    'committed offsets and their metadata')
  same(TOTAL - 406, await lag(admin, topic, group), 'lag')
  const b = await join(topic, group)
  await until(() => b.seen === TOTAL - 406, 'the rest is read')
  same({ 0: 100, 1: 101, 2: 102, 3: 103 }, b.first, 'where the group goes on')
  // Back to a time while it runs.
  b.first = {}
  b.seen = 0
  for (const { partition, offset } of await admin.fetchTopicOffsetsByTimestamp(topic, FIRST_TIME_MS + 400)) b.consumer.seek({ topic, partition, offset })
  await until(() => b.seen === PARTITIONS * (EACH - 100), 'from that time on')
  same({ 0: 100, 1: 100, 2: 100, 3: 100 }, b.first, 'the first records from that time on')
  await b.consumer.commitOffsets([0, 1, 2, 3].map(p => ({ topic, partition: p, offset: String(EACH) })))
  await b.leave()
  same(0, await lag(admin, topic, group), 'lag at the end')
  await admin.setOffsets({ groupId: group, topic, partitions: [{ partition: 1, offset: '7' }] })
  const moved = await admin.fetchOffsets({ groupId: group, topics: [topic] })
  same('7', moved[0].partitions.find(p => p.partition === 1).offset, 'a moved group')
  await admin.deleteGroups([group])
}

async function configs (admin, topic) {
  const resource = { type: ConfigResourceTypes.TOPIC, name: topic }
  const entries = [{ name: 'retention.ms', value: '7200000' }]
  await admin.alterConfigs({ validateOnly: false, resources: [{ ...resource, configEntries: entries }] })
  // Apache Kafka answers when the controller has decided; its brokers learn of it a moment later.
  await until(async () => {
    const { resources: [found] } = await admin.describeConfigs({ resources: [{ ...resource, configNames: ['retention.ms'] }] })
    return found.configEntries[0].configValue === '7200000'
  }, 'retention.ms is altered')
}

async function described (admin, topic) {
  const cluster = await admin.describeCluster()
  check(cluster.brokers.length === 1 && cluster.clusterId, 'the cluster')
  const { topics: [d] } = await admin.fetchTopicMetadata({ topics: [topic] })
  check(d.partitions.length === PARTITIONS && d.partitions.every(p => p.leader === p.isr[0] && p.replicas.length === 1), 'described')
  check((await admin.listTopics()).includes(topic), 'listed')
  same(false, await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] }), 'creating it twice')
  await fails('INVALID_REPLICATION_FACTOR', () => admin.createTopics({ topics: [{ topic: `three-${RUN}`, replicationFactor: 3 }] }), 'three replicas')
  await admin.createPartitions({ topicPartitions: [{ topic, count: PARTITIONS + 1 }] })
  await until(async () => (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0].partitions.length === PARTITIONS + 1, 'a partition more')
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '10' }] })
  same('10', (await admin.fetchTopicOffsets(topic)).find(p => p.partition === 0).low, 'records deleted')
}

async function main () {
  const admin = kafka.admin()
  await admin.connect()
  const topics = [`js-none-${RUN}`, `js-gzip-${RUN}`]
  await plain(admin, topics[0], CompressionTypes.None, true)
  await plain(admin, topics[1], CompressionTypes.GZIP, false)
  await rebalance(admin, topics[0])
  await resume(admin, topics[0])
  await configs(admin, topics[1])
  await described(admin, topics[1])
  await admin.deleteTopics({ topics })
  await until(async () => !(await admin.listTopics()).some(t => topics.includes(t)), 'the topics are gone')
  await admin.disconnect()
  console.log(`ok kafkajs ${checks} checks`)
}

main().catch(problem => {
  console.log(`not ok kafkajs: ${problem.message} (after ${checks} checks)`)
  if (process.env.DEBUG) console.log(problem.stack)
  process.exit(1)
})
