// The receiving loop, for whatever reads the bytes.
#pragma once
#include "wye/io/framed_stream.hpp"

#include <sys/uio.h>

namespace wye {

template <class Read>
Result<MutBytes> FramedStream::recv_by(FrameDecoder::Into into, Read&& read) {
    for (bool starved = decoder_.starved();; starved = false) {
        if (!starved) {
            if (const auto plain = decoder_.at_hand(into)) [[likely]]
                return *plain;
            auto message = decoder_.next(into);
            if (!message) return std::unexpected(std::move(message).error());
            if (*message) return **message;
        }
        if (into && into->empty() && decoder_.framing() == Framing::raw) return fail(Errc::too_big, "recv");
        const auto want = decoder_.want(into);
        iovec v[2];
        int n = 0;
        for (const auto& place : {want.direct, want.buffer})
            if (!place.empty()) v[n++] = {place.data(), place.size()};
        const Result<std::size_t> got = read(v, n);
        if (!got) {
            decoder_.park(into);
            return std::unexpected(got.error());
        }
        if (*got == 0) return decoder_.end(into);
        decoder_.took(*got);
    }
}

}  // namespace wye
