// Standard input or a file, cut into messages.
#pragma once
#include "wye/base/bytes.hpp"
#include "wye/base/deadline.hpp"
#include "wye/base/error.hpp"
#include "wye/io/framed_stream.hpp"

#include <optional>
#include <string>
#include <vector>

namespace wye::cli {

/// The words every verb uses for cutting bytes into messages.
enum class Cut { pieces, lines, nul, whole };

/// Reads a file or standard input ("-") and hands out messages.
class Input {
public:
    /// `piece` is the size of a message where the cut is pieces, and the limit of one elsewhere.
    static Result<Input> open(const std::string& path, Cut, std::size_t piece);

    /// The next message, valid until the next call; nullopt at the end.
    Result<std::optional<Bytes>> next(Deadline);
    std::uint64_t size() const noexcept { return size_; }  ///< 0 where it is not known

private:
    Input(FramedStream stream, Cut cut, std::size_t piece, std::uint64_t size)
        : stream_(std::move(stream)), cut_(cut), room_(cut == Cut::lines || cut == Cut::nul ? 0 : piece), size_(size) {}
    FramedStream stream_;
    Cut cut_;
    std::vector<std::byte> room_;
    std::uint64_t size_;
    std::size_t filled_ = 0;
    bool ended_ = false;
};

}  // namespace wye::cli
