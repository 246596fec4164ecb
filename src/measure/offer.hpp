// What there is to be advised: every room, and every pattern over what carries it. What each can do is in the tables of
// the rooms (Traits) and of the carriers (Abilities); an Offer adds the little that neither has.
#pragma once
#include "wye/core/mechanism.hpp"
#include "wye/pattern/carrier.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace wye::advice {

/// What kind of thing it is.
enum class Kind : std::uint8_t { channel, word, count, lock, memory };

enum class Pattern : std::uint8_t { none, pub_sub, work_queue, request };
std::string_view name(Pattern) noexcept;  ///< "pub-sub", "work-queue", "request"

struct Offer {
    std::string_view means;           ///< the scheme of the room
    std::string_view not_for, hurts;  ///< as docs/choosing-a-means.md has them
    std::string_view cpp, shell;      ///< the files of examples/advise and -shell that do it
    std::string_view uri;             ///< that of the shell's file, where it is for several means
    std::string_view limit = {};      ///< of sys::limits(): the largest message
    std::uint64_t most = 0;           ///< the same where no machine says it
    bool own_user = false;            ///< for the processes of one user alone
    bool server = false;              ///< a server runs besides the programs
    bool as_file = false;             ///< a program that knows only files has its other end
    bool as_stdio = false;            ///< so has one that knows only its standard input and output
    bool old = false;                 ///< there is a newer one for the same
    /// Of a room that no URI opens: what the table of means would have.
    Traits traits = {};
    std::string_view summary = {}, example = {};
};

/// In the order of the house: of two that fit alike the first is taken where nothing was measured.
std::span<const Offer> offers() noexcept;

/// A means, or a pattern over one.
struct Subject {
    std::string name;  ///< "unix", "pub-sub@unix"
    const Offer* offer = nullptr;
    const Mechanism* room = nullptr;  ///< null: no URI opens it
    Traits traits;                    ///< of the room
    Kind kind = Kind::channel;
    Pattern pattern = Pattern::none;
    carrier::Abilities able = {};
    std::span<const Param> params = {};
    std::string_view summary, example;
    std::string_view cpp, shell;
    bool built = true;  ///< is in this build

    bool bare() const noexcept { return pattern == Pattern::none; }
    bool takes(std::string_view param) const noexcept;
    /// Two directions of its own, between two who met.
    bool connects() const noexcept { return bare() && kind == Kind::channel && traits.duplex; }
};

const std::vector<Subject>& subjects();

/// The files of examples/advise and examples/advise-shell.
struct Text {
    std::string_view file, text;
};
std::span<const Text> texts() noexcept;

/// What is shown of one: up to the line that begins with "// ----" or "# ----", from where the test begins. Where the
/// file has a URI of its own (a line `uri=...`), the subject's stands there instead.
std::string shown_cpp(const Subject&);
std::string shown_shell(const Subject&);

}  // namespace wye::advice
