#include "wye/transport/pipe.hpp"

#include "support/support.hpp"

using namespace wye;
using namespace std::chrono_literals;

TEST(Pipe, a_message_comes_back_whole) {
    auto ends = or_throw(make_pipe());
    WYE_ASSERT_OK(ends.writer.send(bytes_of("hello")));
    std::byte room[64];
    EXPECT_EQ(text_of(or_throw(ends.reader.recv(room))), "hello");
    WYE_EXPECT_ERRC(Errc::timed_out, ends.reader.recv(room, Deadline::now()));
    WYE_ASSERT_OK(ends.writer.close_write());
    WYE_EXPECT_ERRC(Errc::closed, ends.reader.recv(room, 1s));
}
