#include "transport/nats/client/ack.hpp"

#include <gtest/gtest.h>

using wye::nats::parse_ack;

TEST(NatsAck, both_forms_are_understood) {
    for (const auto* text :
         {"$JS.ACK.S.C.2.10.7.1700000000000000000.3", "$JS.ACK.domain.hash.S.C.2.10.7.1700000000000000000.3",
          "$JS.ACK._.hash.S.C.2.10.7.1700000000000000000.3.random"}) {
        const auto a = parse_ack(text);
        ASSERT_TRUE(a) << text;
        EXPECT_EQ(a->stream, "S");
        EXPECT_EQ(a->consumer, "C");
        EXPECT_EQ(a->deliveries, 2u);
        EXPECT_EQ(a->sequence, 10u);
        EXPECT_EQ(a->consumer_sequence, 7u);
        EXPECT_EQ(a->pending, 3u);
    }
}

TEST(NatsAck, anything_else_is_not) {
    for (const auto* text :
         {"", "x", "$JS.ACK", "$JS.ACK.S.C.1.1.1.1", "$JS.ACK.S.C.1.1.1.1.1.1", "$JS.ACK.S.C.-1.1.1.1.1",
          "$JS.ACK.S.C.x.1.1.1.1", "$JS.ACK.S..1.1.1.1.1", "$JS.NAK.S.C.1.1.1.1.1",
          "$JS.ACK.S.C.99999999999999999999.1.1.1.1", "_INBOX.a.b.c.1.2.3.4.5", "$JS.ACK.S.C.1.1.1.1.1."})
        EXPECT_FALSE(parse_ack(text)) << text;
}
