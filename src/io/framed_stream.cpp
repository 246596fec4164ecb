#include "wye/io/framed_stream.hpp"

#include "io/recv_by.hpp"
#include "os/errno.hpp"
#include "os/transfer.hpp"

namespace wye {

Result<StreamOptions> stream_options(const Uri& uri) {
    static constexpr std::string_view framings[] = {"frame", "lines", "nul", "raw"};
    StreamOptions o;
    WYE_TRY(const auto framing, uri.choice("framing", framings));
    WYE_TRY(o.max_message, uri.size("max", o.max_message));
    o.framing = Framing(framing);
    if (o.max_message == 0 || o.max_message > FrameHeader::max_length)
        return uri.refuse("max must be from 1 to 1G (less one byte)", "max=16M");
    return o;
}

FramedStream::FramedStream(Fd both, StreamOptions o)
    : in_(std::move(both)), duplex_(true), decoder_(o.framing, o.max_message), writer_(o) {}

FramedStream::FramedStream(Fd in, Fd out, StreamOptions o)
    : in_(std::move(in)), out_(std::move(out)), decoder_(o.framing, o.max_message), writer_(o) {}

FramedStream::~FramedStream() {
    using namespace std::chrono_literals;
    if (out() >= 0 && writer_.pending()) (void)writer_.flush(out(), 1s);  // the peer may be gone: nothing to tell
}

FramedStream& FramedStream::operator=(FramedStream&& o) noexcept {
    if (this == &o) return *this;
    std::destroy_at(this);  // with its wait for what is half sent
    return *std::construct_at(this, std::move(o));
}

Result<MutBytes> FramedStream::recv(MutBytes into, Deadline deadline) {
    if (in_ == nullptr) return fail(Errc::unsupported, "recv");
    return recv_by(into, [&](const iovec* v, int n) { return sys::read_some(in_.get(), port_, v, n, deadline); });
}

Result<Bytes> FramedStream::recv_view(Deadline deadline) {
    if (in_ == nullptr) return fail(Errc::unsupported, "recv");
    return recv_by({}, [&](const iovec* v, int n) { return sys::read_some(in_.get(), port_, v, n, deadline); });
}

Result<> FramedStream::close_write() {
    if (write_closed_ || out() < 0) return {};
    WYE_CHECK(flush(Deadline::never()));
    (void)writer_.settle(out(), Deadline::now());  // where the pipe is full, the reader learns it by the close itself
    write_closed_ = true;
    if (!duplex_) {
        writer_.release();
        out_.reset();
        return {};
    }
    const long r = sys::shutdown(in_.get(), SHUT_WR);
    if (r < 0 && r != -ENOTCONN) return sys::fail(r, "shutdown");
    return {};
}

Channel::RawHandles FramedStream::raw_handles() const noexcept {
    return {.read = decoder_.idle() ? in_.get() : -1,
            .write = write_closed_ || writer_.pending() ? -1 : out(),
            .framing = decoder_.framing()};
}

}  // namespace wye
