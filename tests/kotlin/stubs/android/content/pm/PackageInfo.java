package android.content.pm;

public class PackageInfo {
  public String versionName = "2.3.1";
}
