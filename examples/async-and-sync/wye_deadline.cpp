// Every wye call that waits takes a deadline, last: never() by default, now(), a duration, or a moment.
#include <wye/transport/pipe.hpp>

#include "../demo.hpp"

int main() {
    using namespace std::chrono_literals;
    auto ends = wye::make_pipe();
    claim(ends.has_value(), "a pipe");
    auto& [reader, writer] = *ends;
    std::byte room[64];

    const auto none = reader.recv(room, 50ms);
    claim(!none && none.error().is(wye::Errc::timed_out), "nothing came in 50 ms");
    claim(writer.send(wye::bytes_of("hello"), wye::Deadline::now()).has_value(), "there is room: sent without waiting");
    const auto got = reader.recv(room, wye::Deadline::now());
    claim(got && wye::text_of(*got) == "hello", "it is there: received without waiting");

    wye::Result<> sent;
    while ((sent = writer.send(wye::bytes_of("more"), wye::Deadline::now()))) {}
    claim(sent.error().is(wye::Errc::timed_out), "the pipe is full: not without waiting");
    claim((fcntl(writer.native_handle(), F_GETFL) & O_NONBLOCK) == 0, "and O_NONBLOCK was never set");
}
