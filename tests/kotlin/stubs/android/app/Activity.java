package android.app;

import android.content.Context;
import android.os.Bundle;
import android.view.View;
import android.widget.Button;
import fakes.Phone;
import java.util.HashMap;
import java.util.Map;

public class Activity extends Context {
  private final Map<Integer, View> views = new HashMap<>();

  protected void onCreate(Bundle savedInstanceState) {}

  protected void onResume() {}

  protected void onPause() {}

  public void setContentView(int layoutResID) {}

  @SuppressWarnings("unchecked")
  public <T extends View> T findViewById(int id) {
    return (T) views.computeIfAbsent(id, any -> new Button());
  }

  public final void requestPermissions(String[] permissions, int requestCode) {
    Phone.requested.add(String.join(" ", permissions));
  }

  public void onRequestPermissionsResult(
      int requestCode, String[] permissions, int[] grantResults) {}
}
