// Any bytes in any chunks. The first byte chooses the framing, the second the limit, the third the chunks and whether
// messages are taken where they lie; the rest is the wire.
//
// Holds: there is always room for a byte more, no message is larger than the limit, what comes out is no more than what
// went in, memory stays bounded by the limit, and for lines and nul the messages are exactly the wire's.
#include "wye/core/frame_decoder.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

using namespace wye;

namespace {

void must(bool ok) {
    if (!ok) std::abort();
}

struct Run {
    FrameDecoder decoder;
    std::vector<std::byte> room;
    bool has_place = true;
    std::size_t fed = 0, delivered = 0;
    std::string joined{};  // of lines and nul, each with its mark

    FrameDecoder::Into into() { return has_place ? FrameDecoder::Into(room) : std::nullopt; }
    void drain() {
        for (std::size_t turns = 0;; ++turns) {
            must(turns <= fed + 1);  // each turn takes something off, or refuses something once
            auto m = decoder.next(into());
            if (!m) {
                must(m.error().is(Errc::too_big));
                continue;
            }
            if (!*m) return;
            must((*m)->size() <= std::max(decoder.max_message(), room.size()));
            must(!has_place || (*m)->data() == room.data());
            delivered += (*m)->size();
            must(delivered <= fed);
            if (decoder.framing() == Framing::lines) joined.append(text_of(**m)) += '\n';
        }
    }
    void feed(const std::uint8_t* p, std::size_t n) {
        const auto want = decoder.want(into());
        must(want.direct.size() + want.buffer.size() > 0);
        must(want.buffer.size() <= 64 * 1024 + 4 * decoder.max_message());
        std::size_t put = 0;
        for (const auto place : {want.direct, want.buffer}) {
            const auto k = std::min(place.size(), n - put);
            if (k) std::memcpy(place.data(), p + put, k);
            put += k;
        }
        must(put == std::min(n, put));
        decoder.took(put);
        fed += put;
        drain();
        if (put < n) feed(p + put, n - put);
    }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 3) return 0;
    const std::size_t max = data[1];
    const std::size_t chunk = data[2] % 64 + 1u;
    const bool parks = data[2] & 0x80;
    Run run{FrameDecoder(Framing(data[0] % 4), max), std::vector<std::byte>(max + 1), !(data[2] & 0x40)};
    run.drain();
    for (std::size_t at = 3; at < size; at += chunk) {
        run.feed(data + at, std::min(chunk, size - at));
        if (!parks) continue;
        run.decoder.park(run.into());
        run.room.assign(run.room.size(), std::byte{0});
        run.drain();
    }
    must(run.decoder.position() <= run.fed);
    const auto end = run.decoder.end(run.into());
    if (end) {
        run.joined.append(text_of(*end)) += '\n';
        must(run.decoder.framing() != Framing::frame && run.decoder.framing() != Framing::raw);
    }
    must(!run.decoder.end(run.into()).has_value());
    // Lines within the limit come out as they went in.
    if (run.decoder.framing() == Framing::lines) {
        std::string expected;
        const std::string_view wire(reinterpret_cast<const char*>(data) + 3, size - 3);
        for (std::size_t at = 0; at < wire.size();) {
            const auto stop = std::min(wire.find('\n', at), wire.size());
            if (stop - at <= max) expected.append(wire.substr(at, stop - at)) += '\n';
            at = stop + 1;
        }
        must(run.joined == expected);
    }
    return 0;
}
