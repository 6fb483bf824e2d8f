// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/config.h"

static struct arena arena;

static struct config_pairs parse(const char *text)
{
    struct config_pairs pairs;
    int line = 0;
    assert_int_equal(properties_parse(slice_str(text), &arena, &pairs, &line), OK);
    return pairs;
}

// Each row: text, then key, value, key, value ... of java.util.Properties.
struct row {
    const char *text;
    const char *pairs[9];
};

static const struct row rows[] = {
    {"", {NULL}},
    {"a=b", {"a", "b"}},
    {"a = b \n", {"a", "b "}},
    {"  a\t:\tb", {"a", "b"}},
    {"a b", {"a", "b"}},
    {"a   =   b", {"a", "b"}},
    {"a==b", {"a", "=b"}},
    {"a=:b", {"a", ":b"}},
    {"a : = b", {"a", "= b"}},
    {"a", {"a", ""}},
    {"a=", {"a", ""}},
    {"=b", {"", "b"}},
    {"# c\n! d\n\n \t\f\na=b", {"a", "b"}},
    {"# no \\\na=b", {"a", "b"}}, // a comment does not go on
    {"a=b#c", {"a", "b#c"}},
    {"a=1\\\n   2", {"a", "12"}},
    {"a=1\\\r\n2\\\r3", {"a", "123"}},
    {"a=1\\\\\nb=2", {"a", "1\\", "b", "2"}}, // an even number of backslashes
    {"a=1\\\\\\\n2", {"a", "1\\2"}},
    {"a=1\\", {"a", "1"}},
    {"a=1\\\n", {"a", "1"}},
    {"a=1\\\n\nb=2", {"a", "1", "b", "2"}},
    {"a=1\\\n# 2", {"a", "1# 2"}}, // no comment inside a logical line
    {"\\\na=b", {"a", "b"}},
    {"a\\=b=c", {"a=b", "c"}},
    {"a\\ b c", {"a b", "c"}},
    {"a\\:b:c", {"a:b", "c"}},
    {"\\#a=b", {"#a", "b"}},
    {"a=\\t\\n\\r\\f\\q\\\\", {"a", "\t\n\r\fq\\"}},
    {"a=\\\\u0041", {"a", "\\u0041"}}, // the backslash is escaped, not the u
    {"a=\\u0041\\u00e4\\u20AC", {"a", "A\xc3\xa4\xe2\x82\xac"}},
    {"a=\\ud83d\\ude00", {"a", "\xf0\x9f\x98\x80"}},
    {"a=\\ud83dx", {"a", "\xef\xbf\xbdx"}}, // half a pair
    {"a=\xc3\xa4", {"a", "\xc3\xa4"}},
    {"a=\xe4", {"a", "\xc3\xa4"}}, // Latin-1
    {"a=1\ra=2\r\nb=3\n", {"a", "1", "a", "2", "b", "3"}},
};

static void reads_what_java_reads(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct config_pairs pairs = parse(rows[i].text);
        size_t count = 0;
        for (; rows[i].pairs[2 * count] != NULL; count++) {
            assert_true(count < pairs.count);
            struct config_pair pair = pairs.items[count];
            if (!slice_eq_str(pair.name, rows[i].pairs[2 * count]) ||
                !slice_eq_str(pair.value, rows[i].pairs[2 * count + 1]))
                fail_msg("'%s' gave '%.*s' = '%.*s'", rows[i].text, SLICE_FMT(pair.name), SLICE_FMT(pair.value));
        }
        assert_int_equal(pairs.count, count);
    }
    arena_deinit(&arena);
}

static void malformed_unicode_names_its_line(void **state)
{
    (void)state;
    static const char *const bad[] = {"a=1\n\nb=\\u12", "# x\r\na=1\r\nb=\\u00zz", "\na=1\\\n2\\u"};
    static const int lines[] = {3, 3, 2};
    for (int i = 0; i < 3; i++) {
        struct config_pairs pairs;
        int line = 0;
        assert_int_equal(properties_parse(slice_str(bad[i]), &arena, &pairs, &line), ERR_INVALID);
        assert_int_equal(line, lines[i]);
    }
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_java_reads),
        cmocka_unit_test(malformed_unicode_names_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
