// SPDX-License-Identifier: Apache-2.0
import java.io.DataInputStream;
import java.io.IOException;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.function.IntFunction;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.message.ProduceRequestData;
import org.apache.kafka.common.message.ProduceRequestData.PartitionProduceData;
import org.apache.kafka.common.message.ProduceRequestData.TopicProduceData;
import org.apache.kafka.common.message.ProduceRequestData.TopicProduceDataCollection;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.common.requests.AbstractRequest;
import org.apache.kafka.common.requests.AbstractResponse;
import org.apache.kafka.common.requests.ProduceRequest;
import org.apache.kafka.common.requests.RequestHeader;
import org.apache.kafka.common.requests.TransactionResult;
import org.apache.kafka.common.requests.WriteTxnMarkersRequest;
import org.apache.kafka.common.requests.WriteTxnMarkersRequest.TxnMarkerEntry;

/** Transactions no coordinator knows of: transactional batches and WriteTxnMarkers, straight to partition 0 of a topic. */
final class RawTransactions implements AutoCloseable {
    /** Versions of before KIP-890's second part: the broker begins no transaction by itself. */
    private static final short PRODUCE = 11, MARKERS = 1;
    private static final CompressionType[] CODECS = CompressionType.values();

    private final Socket socket;
    private int correlation;

    RawTransactions(String bootstrap) throws IOException {
        String[] address = bootstrap.split(":");
        socket = new Socket(address[0], Integer.parseInt(address[1]));
    }

    private AbstractResponse ask(ApiKeys key, short version, AbstractRequest request) throws IOException {
        RequestHeader header = new RequestHeader(key, version, "raw", ++correlation);
        ByteBuffer bytes = request.serializeWithHeader(header);
        ByteBuffer framed = ByteBuffer.allocate(4 + bytes.remaining()).putInt(bytes.remaining()).put(bytes);
        socket.getOutputStream().write(framed.array());
        DataInputStream in = new DataInputStream(socket.getInputStream());
        byte[] answer = new byte[in.readInt()];
        in.readFully(answer);
        return AbstractResponse.parseResponse(ByteBuffer.wrap(answer), header);
    }

    /** One batch of COUNT records, compressed by the next codec in turn. */
    void send(String topic, long producerId, int sequence, int count, IntFunction<String> key, IntFunction<String> value) throws IOException {
        SimpleRecord[] records = new SimpleRecord[count];
        for (int i = 0; i < count; i++) {
            String v = value.apply(sequence + i);
            records[i] = new SimpleRecord(System.currentTimeMillis(), key.apply(sequence + i).getBytes(StandardCharsets.UTF_8),
                v == null ? null : v.getBytes(StandardCharsets.UTF_8));
        }
        Compression codec = Compression.of(CODECS[correlation % CODECS.length]).build();
        MemoryRecords batch = MemoryRecords.withTransactionalRecords(0, codec, producerId, (short) 0, sequence, -1, records);
        PartitionProduceData partition = new PartitionProduceData().setIndex(0).setRecords(batch);
        TopicProduceDataCollection topics = new TopicProduceDataCollection();
        topics.add(new TopicProduceData().setName(topic).setPartitionData(List.of(partition)));
        ProduceRequestData data = new ProduceRequestData().setTransactionalId("raw-" + producerId).setAcks((short) -1)
            .setTimeoutMs(30000).setTopicData(topics);
        check(ask(ApiKeys.PRODUCE, PRODUCE, new ProduceRequest(data, PRODUCE)));
    }

    void end(String topic, long producerId, boolean commits) throws IOException {
        TxnMarkerEntry marker = new TxnMarkerEntry(producerId, (short) 0, 1, commits ? TransactionResult.COMMIT : TransactionResult.ABORT,
            List.of(new TopicPartition(topic, 0)), (short) 0);
        check(ask(ApiKeys.WRITE_TXN_MARKERS, MARKERS, new WriteTxnMarkersRequest.Builder(List.of(marker)).build(MARKERS)));
    }

    private static void check(AbstractResponse answer) {
        for (Errors error : answer.errorCounts().keySet()) {
            if (error != Errors.NONE) {
                throw error.exception(answer.toString());
            }
        }
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
