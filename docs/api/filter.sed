# Hides declarations that need no description from Doxygen: defaulted and deleted special members,
# defaulted comparisons, and specializations of Boost's templates. Keeps the numbers of lines.
s/^ *friend .*operator.*= default;$//
s/^ *[a-z_0-9]*(\(const [a-z_]*&\|[a-z_]*&&\)) \(noexcept \)\?= \(default\|delete\);$//
s/^ *[a-z_0-9]*& operator=(.*) \(noexcept \)\?= \(default\|delete\);$//
s/^ *[a-z_0-9]*() \(noexcept \)\?= default;.*$//
/^template <>$/{
N
s/^template <>\nstruct boost::.*$/\n/
}
# The inline namespace, which users do not write.
s/::LEASEBREAK_INLINE_ABI//
s/^inline namespace LEASEBREAK_ABI {$//
s/^} \/\/ namespace LEASEBREAK_ABI$//
