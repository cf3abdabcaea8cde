// How many cores this process may use.
#include <sched.h>
#include <stdio.h>

#include <set>
#include <string>
#include <thread>
#include <utility>

#include "threads.h"

namespace nptorch {
#if defined(__linux__)
namespace {

// The first integer in a file of /sys, or -1.
int read_number(const std::string& path) {
  FILE* file = fopen(path.c_str(), "r");
  if (!file) return -1;
  int number = -1;
  if (fscanf(file, "%d", &number) != 1) number = -1;
  fclose(file);
  return number;
}

// Whole cores that a container's CPU quota amounts to (cgroup v2), or a large number without one.
int quota_cores() {
  FILE* file = fopen("/sys/fs/cgroup/cpu.max", "r");
  if (!file) return 1 << 20;
  long quota = 0, period = 0;
  bool limited = fscanf(file, "%ld %ld", &quota, &period) == 2 && quota > 0 && period > 0;
  fclose(file);
  return limited ? int((quota + period - 1) / period) : 1 << 20;
}

}  // namespace

int allowed_cores() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return 1;
  std::set<std::pair<int, int>> cores;  // (socket, core): two hyperthreads of a core count once
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    std::string topology = "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/";
    int core = read_number(topology + "core_id");
    cores.insert(core < 0 ? std::pair(-1, cpu) : std::pair(read_number(topology + "physical_package_id"), core));
  }
  int found = int(cores.size()), quota = quota_cores();
  return found < 1 ? 1 : found < quota ? found : quota;
}
#else
int allowed_cores() {
  unsigned found = std::thread::hardware_concurrency();
  return found ? int(found) : 1;
}
#endif
}  // namespace nptorch
