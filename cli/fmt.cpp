// fmt's own code, once: Debian has it as headers or as a shared library, and every source with its headers alone would
// be compiled for twice as long.
#include <fmt/format-inl.h>

template fmt::detail::thousands_sep_result<char> fmt::detail::thousands_sep_impl<char>(locale_ref);
template char fmt::detail::decimal_point_impl<char>(locale_ref);
