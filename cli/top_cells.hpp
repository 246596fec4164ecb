// Text in the columns of a terminal: cut and padded by what it takes on the screen, not by its bytes.
#pragma once
#include "top_model.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace wye::cli {

class Cells {
public:
    /// Where the terminal does not take UTF-8, what is not ASCII is shown as '?'.
    explicit Cells(bool utf8) noexcept : utf8_(utf8) {}

    /// The text in exactly so many columns; what does not fit ends with "…".
    std::string fitted(std::string_view text, int width, bool right = false) const;

    std::string titles(const TopModel&, int width);
    /// Only what is shown is worked out: a row of a narrow screen costs less.
    std::string row(const TopRow&, const TopModel&, int width);

    static void append(std::string& text, wchar_t);
    static void drop_last(std::string& text);

private:
    struct Place {
        const TopColumn* column;
        int width;
    };
    const std::vector<Place>& places(const TopModel&, int width);

    bool utf8_;
    int width_ = -1;
    std::vector<Place> places_;
};

}  // namespace wye::cli
