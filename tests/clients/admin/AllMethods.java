// SPDX-License-Identifier: Apache-2.0
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.KafkaFuture;

/**
 * Calls every method of Admin and prints what came back, a line each: method, case, answer. What differs between two runs
 * on the same broker is masked. Needs a broker without topics.
 *   java AllMethods BOOTSTRAP
 */
public final class AllMethods {
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private static final Pattern SETS = Pattern.compile("([aA]uthorizedOperations=\\[|topicPartitions=)([^\\])]*)");

    private final Set<String> called = new TreeSet<>();
    final Admin admin;
    final String bootstrap;

    private AllMethods(String bootstrap) {
        this.bootstrap = bootstrap;
        Admin real = Admin.create(Map.of("bootstrap.servers", bootstrap, "default.api.timeout.ms", "15000", "request.timeout.ms", "10000", "client.id", "all",
            "enable.metrics.push", "true"));
        this.admin = (Admin) Proxy.newProxyInstance(Admin.class.getClassLoader(), new Class<?>[] {Admin.class}, (self, method, arguments) -> {
            called.add(method.getName());
            try {
                return method.invoke(real, arguments);
            } catch (InvocationTargetException e) {
                throw e.getCause();
            }
        });
    }

    static Object settle(Object answer) throws Exception {
        return answer instanceof KafkaFuture<?> future ? settle(future.get()) : answer;
    }

    /** Maps and sets in the order of their text; what changes from run to run masked. */
    static String text(Object o) {
        if (o instanceof KafkaFuture<?> future) {
            return answer(future::get);
        }
        if (o instanceof Map<?, ?> map) {
            Map<String, String> sorted = new TreeMap<>();
            map.forEach((k, v) -> sorted.put(text(k), text(v)));
            return sorted.toString();
        }
        if (o instanceof Set<?> set) {
            return set.stream().map(AllMethods::text).sorted().collect(Collectors.toList()).toString();
        }
        if (o instanceof Collection<?> list) {
            return list.stream().map(AllMethods::text).collect(Collectors.toList()).toString();
        }
        if (o instanceof Optional<?> optional) {
            return optional.map(AllMethods::text).orElse("-");
        }
        return mask(String.valueOf(o));
    }

    private static String mask(String text) {
        // A set inside another object's text comes in the order of addresses or of a seed of the day.
        String sorted = SETS.matcher(text).replaceAll(m -> m.group(1) + Stream.of(m.group(2).split(", ?")).sorted().collect(Collectors.joining(", ")));
        return sorted.replaceAll("-[0-9a-f]{8}-[0-9a-f-]{27}", "-<uuid>")
            .replaceAll("(127\\.0\\.0\\.1|localhost):\\d+", "$1:<port>").replaceAll("port=\\d{4,5}", "port=<port>")
            .replaceAll("(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{22}(?![A-Za-z0-9_-])", "<id>").replaceAll("\\b1[6-9]\\d{11}\\b", "<time>")
            .replaceAll("/[^ ,]*/data\\b", "<dir>").replaceAll("\\s+", " ");
    }

    static String answer(Callable<?> call) {
        try {
            return text(settle(call.call()));
        } catch (Throwable e) {
            Throwable cause = e instanceof ExecutionException && e.getCause() != null ? e.getCause() : e;
            return cause.getClass().getSimpleName() + ": " + mask(String.valueOf(cause.getMessage()));
        }
    }

    void show(String method, String what, Callable<?> call) {
        System.out.println(method + "\t" + what + "\t" + answer(call));
    }

    /** As show, once the answer is as wanted: Apache Kafka's brokers learn a moment later what its controller decided. */
    void await(String method, String what, Predicate<String> wanted, Callable<?> call) throws InterruptedException {
        long end = System.nanoTime() + PATIENCE.toNanos();
        String got = answer(call);
        while (!wanted.test(got) && System.nanoTime() < end) {
            Thread.sleep(20);
            got = answer(call);
        }
        System.out.println(method + "\t" + what + "\t" + got);
    }

    /** Every method the interface asks for must have been called. */
    private void complete() {
        List<String> forgotten = new ArrayList<>();
        for (Method method : Admin.class.getMethods()) {
            if (!Modifier.isStatic(method.getModifiers()) && !called.contains(method.getName())) {
                forgotten.add(method.getName());
            }
        }
        System.out.println("methods\tcalled\t" + called.size());
        if (!forgotten.isEmpty()) {
            System.out.println("methods\tforgotten\t" + new TreeSet<>(forgotten));
        }
    }

    public static void main(String[] arguments) throws Exception {
        AllMethods all = new AllMethods(arguments[0]);
        new TopicMethods(all).call();
        new GroupMethods(all).call();
        new ClusterMethods(all).call();
        all.admin.close(Duration.ofSeconds(5));
        all.complete();
    }
}
