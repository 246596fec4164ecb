// What the pictures of wye bench draw, taken out of its document, of which nothing is taken for granted.
#pragma once
#include "table.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace wye::cli::drawing {

/// A number that can be drawn; nothing where it is missing, no number, or beyond what clocks and counters say.
std::optional<double> figure(const Json& object, const char* key);
/// A text; "" where it is missing or none.
std::string wording(const Json& object, const char* key);

struct Case {
    std::string means, group;  // group: wye, kernel or peer
    const Json* result;
    std::optional<double> operator[](const char* key) const { return figure(*result, key); }
};

/// All that were measured with this workload, in their order; they point into the document.
std::vector<Case> cases_of(const Json& results, std::string_view workload);

/// Those with one value of `key`: the wanted one where there is one, else the smallest. Answers the value.
std::optional<double> keep(std::vector<Case>&, const char* key, double wanted);

}  // namespace wye::cli::drawing
