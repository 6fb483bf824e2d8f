// SPDX-License-Identifier: Apache-2.0
// Random instances of every message of an Apache Kafka release, made by Kafka's own classes. Prints for each a line
//   NAME <tab> VERSION <tab> HEX <tab> JSON <tab> HEX of what Kafka reads back from that JSON
// The two byte strings differ where Kafka's JSON leaves something out. Run by wire.sh.
//   java -cp 'LIBS/*' WireOracle.java LIBS SEED INSTANCES
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedOutputStream;
import java.io.File;
import java.io.PrintStream;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.protocol.types.BoundField;
import org.apache.kafka.common.protocol.types.Field;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.Struct;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.common.protocol.types.Type;
import org.apache.kafka.common.record.internal.MemoryRecords;

public class WireOracle {
    private static final String[] PIECES = {"a", "topic", "-", ".", "\"", "\\", "\n", "\u0001", "/", "\u00e4", "\u20ac",
        "\ud83d\ude00", "0", " "};

    private final Random random;

    private WireOracle(long seed) {
        random = new Random(seed);
    }

    private int length() {
        int kind = random.nextInt(16);
        return kind == 0 ? 0 : kind == 1 ? 120 + random.nextInt(200) : 1 + random.nextInt(12);
    }

    private byte[] bytes() {
        byte[] result = new byte[length()];
        random.nextBytes(result);
        return result;
    }

    private String text() {
        StringBuilder result = new StringBuilder();
        for (int left = length(); left > 0; left--) result.append(PIECES[random.nextInt(PIECES.length)]);
        return result.toString();
    }

    private long integer(long low, long high) {
        switch (random.nextInt(6)) {
            case 0: return low;
            case 1: return high;
            case 2: return random.nextInt(100);
            case 3: return low < 0 ? -1 : 0;
            default: break;
        }
        if (high == Long.MAX_VALUE) return random.nextLong();
        return low + (long) (random.nextDouble() * (double) (high - low));
    }

    private double real() {
        switch (random.nextInt(4)) {
            case 0: return random.nextInt(100000) / 100.0;
            case 1: return (double) random.nextLong();
            case 2: return random.nextDouble() * 1e9;
            default:
                double any = Double.longBitsToDouble(random.nextLong());
                return Double.isFinite(any) ? any : 0.0;
        }
    }

    private Object value(Type type, int depth) {
        return type.isNullable() && random.nextInt(4) == 0 ? null : valueNotNull(type, depth);
    }

    private Object valueNotNull(Type type, int depth) {
        if (type.isArray()) {
            Type item = type.arrayElementType().get();
            int count = random.nextInt(depth > 2 ? 3 : 4);
            if (!(item instanceof Schema) && random.nextInt(16) == 0) count = 130;
            Object[] items = new Object[count];
            for (int i = 0; i < count; i++) items[i] = value(item, depth + 1);
            return items;
        }
        if (type instanceof Schema) return struct((Schema) type, depth);
        switch (type.toString()) {
            case "BOOLEAN": return random.nextBoolean();
            case "INT8": return (byte) integer(Byte.MIN_VALUE, Byte.MAX_VALUE);
            case "INT16": return (short) integer(Short.MIN_VALUE, Short.MAX_VALUE);
            case "UINT16": return (int) integer(0, 65535);
            case "INT32": return (int) integer(Integer.MIN_VALUE, Integer.MAX_VALUE);
            case "UINT32": return integer(0, 0xffffffffL);
            case "INT64": return integer(Long.MIN_VALUE, Long.MAX_VALUE);
            case "FLOAT64": return real();
            case "UUID": return new Uuid(random.nextLong(), random.nextLong());
            default: break;
        }
        String name = type.toString();
        if (name.endsWith("STRING")) return text();
        if (name.endsWith("RECORDS")) return MemoryRecords.readableRecords(ByteBuffer.wrap(bytes()));
        if (name.endsWith("BYTES")) return ByteBuffer.wrap(bytes());
        throw new IllegalStateException("a type new to this program: " + name);
    }

    private Struct struct(Schema schema, int depth) {
        Struct result = new Struct(schema);
        for (BoundField field : schema.fields()) {
            Object value = field.def.type instanceof TaggedFields
                ? tagged((TaggedFields) field.def.type, depth) : value(field.def.type, depth);
            result.set(field, value);
        }
        return result;
    }

    private Map<Integer, Object> tagged(TaggedFields section, int depth) {
        TreeMap<Integer, Object> result = new TreeMap<>();
        for (Map.Entry<Integer, Field> entry : section.fields().entrySet()) {
            Type type = entry.getValue().type;
            // Kafka's schemas write a null struct as -1 here too, which its generated classes do not read: setNulls.
            if (random.nextBoolean()) {
                result.put(entry.getKey(), type instanceof Schema ? valueNotNull(type, depth) : value(type, depth));
            }
        }
        return result;
    }

    // Nulls that schemas cannot write.
    private void setNulls(Message message, Schema schema) throws Exception {
        for (BoundField field : schema.fields()) {
            if (!(field.def.type instanceof TaggedFields)) continue;
            for (Field tagged : ((TaggedFields) field.def.type).fields().values()) {
                if (!(tagged.type instanceof Schema) || !tagged.type.isNullable() || random.nextInt(4) != 0) continue;
                StringBuilder setter = new StringBuilder("set");
                for (String part : tagged.name.split("_")) {
                    setter.append(part.substring(0, 1).toUpperCase()).append(part.substring(1));
                }
                for (Method method : message.getClass().getMethods()) {
                    if (method.getName().contentEquals(setter)) method.invoke(message, (Object) null);
                }
            }
        }
    }

    private static String hexOf(Message message, short version) {
        ObjectSerializationCache cache = new ObjectSerializationCache();
        ByteBuffer buffer = ByteBuffer.allocate(message.size(cache, version));
        message.write(new ByteBufferAccessor(buffer), cache, version);
        return HexFormat.of().formatHex(buffer.array(), 0, buffer.position());
    }

    private void print(PrintStream out, String name, Class<?> type, Class<?> converter, int instances)
            throws Exception {
        Schema[] schemas = (Schema[]) type.getField("SCHEMAS").get(null);
        short lowest = type.getField("LOWEST_SUPPORTED_VERSION").getShort(null);
        short highest = type.getField("HIGHEST_SUPPORTED_VERSION").getShort(null);
        Method toJson = converter.getMethod("write", type, short.class);
        Method fromJson = converter.getMethod("read", JsonNode.class, short.class);
        ObjectMapper mapper = new ObjectMapper();
        for (short version = lowest; version <= highest; version++) {
            for (int i = 0; i < instances; i++) {
                Struct struct = struct(schemas[version], 0);
                ByteBuffer buffer = ByteBuffer.allocate(struct.sizeOf());
                struct.writeTo(buffer);
                buffer.flip();
                Message message = (Message) type.getConstructor().newInstance();
                message.read(new ByteBufferAccessor(buffer), version);
                setNulls(message, schemas[version]);
                String json = toJson.invoke(null, message, version).toString();
                Message again = (Message) fromJson.invoke(null, mapper.readTree(json.replace("\n", "")), version);
                out.println(String.join("\t", name, "" + version, hexOf(message, version), json, hexOf(again, version)));
            }
        }
    }

    public static void main(String[] args) throws Exception {
        Set<String> names = new TreeSet<>();
        List<String> converters = new ArrayList<>();
        for (File jar : new File(args[0]).listFiles((dir, file) -> file.startsWith("kafka") && file.endsWith(".jar"))) {
            try (JarFile entries = new JarFile(jar)) {
                for (JarEntry entry : (Iterable<JarEntry>) entries.stream()::iterator) {
                    String path = entry.getName();
                    String file = path.substring(path.lastIndexOf('/') + 1);
                    if (file.endsWith(".json")) names.add(file.substring(0, file.length() - 5));
                    if (file.endsWith("JsonConverter.class") && !file.contains("$")) converters.add(path);
                }
            }
        }
        WireOracle oracle = new WireOracle(Long.parseLong(args[1]));
        PrintStream out = new PrintStream(new BufferedOutputStream(System.out, 1 << 16), false, StandardCharsets.UTF_8);
        converters.sort(null);
        for (String path : converters) {
            String converter = path.substring(0, path.length() - 6).replace('/', '.');
            String type = converter.substring(0, converter.length() - "JsonConverter".length());
            String simple = type.substring(type.lastIndexOf('.') + 1);
            String name = names.contains(simple) ? simple : simple.replaceFirst("Data$", "");
            oracle.print(out, name, Class.forName(type), Class.forName(converter), Integer.parseInt(args[2]));
        }
        out.flush();
    }
}
