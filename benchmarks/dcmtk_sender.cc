/* A C-STORE sender of DCMTK's own classes, for measurements: the counterpart of dicom_sender.py.

   dcmtk_sender PORT AET SIZE COUNT SENDERS [apart]: each of SENDERS processes sends COUNT images of
   SIZE bytes of pixels, "apart": each on an association of its own.  Prints the seconds of all
   together and the latency of each as JSON.  Build with -ldcmnet -ldcmdata -loflog -lofstd. */

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmnet/scu.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

static const char *const sop_class = UID_UltrasoundMultiframeImageStorage;

static double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

static void must(const OFCondition &outcome, const char *what) {
  if (outcome.bad()) {
    fprintf(stderr, "%s: %s\n", what, outcome.text());
    _exit(1);
  }
}

static void fill(DcmDataset &image, size_t size) {
  char study[64];
  snprintf(study, sizeof study, "1.2.3.%d", int(getpid()));
  std::vector<Uint8> pixels(size);
  for (size_t at = 0; at < size; at++) pixels[at] = Uint8(at * 2654435761u >> 13);
  image.putAndInsertString(DCM_SOPClassUID, sop_class);
  image.putAndInsertString(DCM_Modality, "US");
  image.putAndInsertString(DCM_PatientName, "TEST^LOAD");
  image.putAndInsertString(DCM_PatientID, "TEST");
  image.putAndInsertString(DCM_StudyInstanceUID, study);
  image.putAndInsertString(DCM_SeriesInstanceUID, (OFString(study) + ".1").c_str());
  must(image.putAndInsertUint8Array(DCM_PixelData, pixels.data(), pixels.size()), "pixels");
}

struct Sender {
  DcmSCU scu;
  T_ASC_PresentationContextID context = 0;

  Sender(unsigned short port, const char *title) {
    OFList<OFString> syntaxes;
    syntaxes.push_back(UID_LittleEndianExplicitTransferSyntax);
    scu.setAETitle("VOLUSON");
    scu.setPeerHostName("127.0.0.1");
    scu.setPeerPort(port);
    scu.setPeerAETitle(title);
    scu.setMaxReceivePDULength(131072);
    must(scu.addPresentationContext(sop_class, syntaxes), "context");
  }

  void open() {
    must(scu.initNetwork(), "network"); /* a release takes it down */
    must(scu.negotiateAssociation(), "association");
    context = scu.findPresentationContextID(sop_class, UID_LittleEndianExplicitTransferSyntax);
  }

  void store(DcmDataset &image, int serial) {
    char uid[64];
    Uint16 status = 1;
    snprintf(uid, sizeof uid, "2.25.%lld.%d.%d", (long long)time(nullptr), int(getpid()), serial);
    image.putAndInsertString(DCM_SOPInstanceUID, uid);
    must(scu.sendSTORERequest(context, "", &image, status), "C-STORE");
    if (status != 0) must(EC_IllegalParameter, "its status");
  }

  void close() { must(scu.releaseAssociation(), "release"); }
};

static void send(int port, const char *title, size_t size, int count, bool apart, int outcome) {
  DcmDataset image;
  fill(image, size);
  Sender sender(port, title);
  std::vector<double> each{now()};
  if (!apart) sender.open();
  for (int serial = 0; serial < count; serial++) {
    double start = now();
    if (apart) sender.open();
    sender.store(image, serial);
    if (apart) sender.close();
    each.push_back(now() - start);
  }
  if (!apart) sender.close();
  each.push_back(now());
  size_t length = each.size() * sizeof(double);
  if (write(outcome, each.data(), length) != ssize_t(length)) _exit(1);
  _exit(0);
}

int main(int argc, char **argv) {
  if (argc < 6) return fprintf(stderr, "PORT AET SIZE COUNT SENDERS [apart]\n"), 2;
  OFLog::configure(OFLogger::ERROR_LOG_LEVEL);
  int count = atoi(argv[4]), senders = atoi(argv[5]);
  bool apart = argc > 6 && !strcmp(argv[6], "apart");
  std::vector<int> ends;
  for (int n = 0; n < senders; n++) {
    int ways[2];
    if (pipe(ways) != 0) return 1;
    if (fork() == 0) send(atoi(argv[1]), argv[2], strtoul(argv[3], nullptr, 10), count, apart, ways[1]);
    close(ways[1]);
    ends.push_back(ways[0]);
  }
  double begin = 1e300, end = 0;
  std::vector<double> all;
  for (int from : ends) {
    std::vector<double> each(count + 2);
    size_t length = each.size() * sizeof(double), had = 0;
    while (had < length) {
      ssize_t more = read(from, reinterpret_cast<char *>(each.data()) + had, length - had);
      if (more <= 0) return fprintf(stderr, "a sender failed\n"), 1;
      had += size_t(more);
    }
    begin = std::min(begin, each.front());
    end = std::max(end, each.back());
    all.insert(all.end(), each.begin() + 1, each.end() - 1);
  }
  while (wait(nullptr) > 0) {}
  printf("{\"seconds\": %.6f, \"each\": [", end - begin);
  for (size_t n = 0; n < all.size(); n++) printf("%s%.6f", n ? ", " : "", all[n]);
  printf("]}\n");
  return 0;
}
