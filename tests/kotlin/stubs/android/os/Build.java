package android.os;

public class Build {
  public static final String MANUFACTURER = "";
  public static final String MODEL = "";
  public static final String DISPLAY = "";

  public static class VERSION {
    public static final int SDK_INT = Integer.parseInt("36");
    public static final String RELEASE = "16";
  }

  public static class VERSION_CODES {
    public static final int Q = 29;
    public static final int TIRAMISU = 33;
    public static final int UPSIDE_DOWN_CAKE = 34;
  }
}
