// Which ids came lately: what is sent again because its answer was lost is known again.
#pragma once
#include <deque>
#include <string>
#include <string_view>
#include <unordered_set>

namespace wye::hub {

class Recent {
public:
    bool has(std::string_view id) const { return all_.contains(std::string(id)); }
    void add(std::string_view id) {
        if (!all_.emplace(id).second) return;
        order_.emplace_back(id);
        if (order_.size() <= most) return;
        all_.erase(order_.front());
        order_.pop_front();
    }

private:
    static constexpr std::size_t most = 8192;
    std::unordered_set<std::string> all_;
    std::deque<std::string> order_;
};

}  // namespace wye::hub
