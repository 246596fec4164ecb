// Whether an object is anybody's, with the evidence: what `wye orphans` shows. Looks, and changes nothing.
#pragma once
#include "wye/core/inventory.hpp"

#include "os/lease.hpp"
#include "os/snapshot/tree.hpp"
#include "registry/rules.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace wye {

enum class Verdict : std::uint8_t {
    held,       ///< somebody has it, or waits for it
    persists,   ///< a rule knows that it is meant to stay: "protected"
    proven,     ///< an orphan: the kernel itself says that nobody has it
    likely,     ///< an orphan: nobody is seen, but of this kind there may be users who cannot be
    unknown,    ///< not enough was seen, or it is too young
    no_matter,  ///< its kind goes with its last user
};
/// One word each: "held", "protected", "proven", "likely", "unknown", "-".
std::string_view name(Verdict) noexcept;
/// As people read them: "orphan (proven)", "orphan (likely)", else the name.
std::string_view title(Verdict) noexcept;
/// As programs do: "orphan" with name() as its class, else the name.
std::string_view verdict_word(Verdict) noexcept;

struct Judged {
    Verdict verdict = Verdict::unknown;
    struct Evidence {
        char mark = '+';  ///< '+' for an orphan, '-' against it, '!' what cannot be known
        std::string text;
        std::string_view test{}, result{};  ///< the same for programs: "lease", "granted"
    };
    std::vector<Evidence> evidence;
    std::string diagnosis;  ///< what ails it though somebody has it: "reader gone: SIGPIPE next"
};

/// What is asked of the kernel beside the snapshot; each may be left out, and is then not asked.
struct Oracle {
    /// Of a path, with its file.
    std::function<sys::Sole(const std::string&, const FileIdentity&)> lease;
    /// Of a queue's name, with its file.
    std::function<sys::Sole(const std::string&, const FileIdentity&)> queue;
    /// Who operated last on the members of a System V set of this IPC namespace: each once.
    std::function<std::vector<std::int32_t>(std::int32_t)> operators;
    /// Whether fcntl(2) locks a path, with its file.
    std::function<bool(const std::string&, const FileIdentity&)> locked;
    /// What lies below a directory, and who works there.
    std::function<sys::Tree(const std::string&, const FileIdentity&, const sys::Snapshot&)> tree;
};
/// By sys::anybody_else() and its like, which cost an opener of that moment some microseconds.
const Oracle& kernel_oracle();

/// `age` is how long an object must have been left alone. The snapshot is the one that the inventory is made of.
Judged judge(const Item&, const Inventory&, const sys::Snapshot&, const std::vector<Rule>&, std::chrono::seconds age,
             const Oracle& = kernel_oracle());

/// read_rules(); where they cannot be read or are wrong, one that protects everything and says why.
std::vector<Rule> persist_rules(const std::string& more = {});

}  // namespace wye
