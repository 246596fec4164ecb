// Which rows: `size>1M and kind=posix-shm`.
#pragma once
#include "wye/core/inventory.hpp"

#include "table.hpp"

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace wye::cli {

/// Conditions that all hold. A column, one of = != < <= > >= ~ (contains), and a value: a number is compared as one,
/// with the units of sizes (64K), or of durations for `age` (10m).
class Filter {
public:
    /// The filter, or what is wrong with it.
    static std::expected<Filter, std::string> parse(std::string_view text, const std::vector<Column<Item>>& columns);
    bool passes(const Item&) const;

private:
    struct Term {
        const Column<Item>* column;
        std::string_view op;
        std::string value;
        std::optional<double> number;
    };
    static std::expected<Term, std::string> term(std::string_view, const std::vector<Column<Item>>&);
    static bool passes(const Term&, const Item&);
    std::vector<Term> terms_;
};

}  // namespace wye::cli
