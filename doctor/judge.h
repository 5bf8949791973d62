// What the facts mean: pure.
#pragma once

#include "doctor/facts.h"
#include "doctor/finding.h"

namespace kferry::doctor {

// The worst first; of one level in the order of the checks.
Findings judge(const DoctorFacts& facts);

// The parts of it, in the order of the checks. Each adds what it has to say.
void judge_reach(const DoctorFacts& facts, Findings& findings);
void judge_clocks(const DoctorFacts& facts, Findings& findings);
void judge_rights(const DoctorFacts& facts, Findings& findings);
void judge_topics(const DoctorFacts& facts, Findings& findings);
void judge_identity(const DoctorFacts& facts, Findings& findings);
void judge_brokers(const DoctorFacts& facts, Findings& findings);
void judge_offsets(const DoctorFacts& facts, Findings& findings);

// Whether we have the right, as far as the brokers tell. nullopt: they do not.
std::optional<bool> is_held(const Right& right, const ClusterFacts& cluster);

// "orders, payments and 12 more".
std::string names_in_short(const std::vector<std::string>& names, size_t most = 5);

}  // namespace kferry::doctor
