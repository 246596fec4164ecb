// The few fields that we want of a stranger's JSON object. What is missing, or of another type, is empty.
#pragma once
#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace wye::nats {

class Json {
public:
    explicit Json(std::string_view text) : all_(nlohmann::json::parse(text, nullptr, false)) {}
    bool is_object() const noexcept { return all_.is_object(); }
    std::string text(const char* name) const {
        const auto* v = find(name);
        return v && v->is_string() ? v->get_ref<const std::string&>() : std::string();
    }
    std::uint64_t number(const char* name) const {
        const auto* v = find(name);
        return v && v->is_number_unsigned() ? v->get<std::uint64_t>() : 0;
    }
    Json in(const char* name) const {
        const auto* v = find(name);
        return Json(v ? *v : nlohmann::json());
    }
    bool flag(const char* name) const {
        const auto* v = find(name);
        return v && v->is_boolean() && v->get<bool>();
    }

private:
    explicit Json(nlohmann::json part) : all_(std::move(part)) {}
    const nlohmann::json* find(const char* name) const {
        if (!all_.is_object()) return nullptr;
        const auto at = all_.find(name);
        return at == all_.end() ? nullptr : &*at;
    }
    nlohmann::json all_;
};

}  // namespace wye::nats
