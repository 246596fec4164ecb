// Servers with a network of their own each, so that they can be cut off from one another.
#pragma once
#include "wye/process/nats_server.hpp"

#include <string>
#include <vector>

namespace wye::test {

/// A cluster, each server in a network namespace of its own; a cable goes from each to a bridge in this one, where the
/// clients are. Needs root, and a process that has left the machine's network (enter()) and may throw its own away.
class Islands {
public:
    /// Why there can be none here; empty: there can.
    static std::string hindrance();
    /// Into a network of its own. False where that is not allowed, or the kernel or ip(8) lacks what is needed.
    static bool enter();
    explicit Islands(unsigned servers);
    ~Islands();
    Islands(const Islands&) = delete;

    std::size_t size() const noexcept;
    std::string uri(const std::string& subject) const;
    std::string uri_of(std::size_t server, const std::string& subject) const;
    void cut(std::size_t server);       ///< nobody reaches it, and it reaches nobody
    void separate(std::size_t server);  ///< clients do, and those that are not separated; two that are do not
    void heal();
    void kill(std::size_t server);

private:
    struct Island;
    std::vector<std::unique_ptr<Island>> all_;
};

}  // namespace wye::test
